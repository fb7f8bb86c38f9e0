package org.mouselift.data.synth;

import java.util.List;
import org.mouselift.data.synth.MouseParameters.Coat;

/** Coat colours of house and fancy mice. */
final class CoatVarieties {
    private static final List<Double> WHITE = rgb(0xF4, 0xF1, 0xEC);
    private static final List<Double> PINK = rgb(0xE8, 0xB4, 0xA6);
    private static final List<Double> PALE_PINK = rgb(0xF2, 0xC4, 0xBC);
    private static final List<Double> DARK_EYE = rgb(0x17, 0x12, 0x12);
    private static final List<Double> RED_EYE = rgb(0x9E, 0x1A, 0x28);

    private record Variety(String name, double weight, List<Double> back, List<Double> belly, List<Double> skin, List<Double> tail, List<Double> ear,
                           List<Double> eye, double ticking, double bellyLine, boolean patches) {
    }

    private static final Variety[] VARIETIES = {
        new Variety("agouti", 3, rgb(0x86, 0x68, 0x4A), rgb(0xD9, 0xC6, 0xA6), PINK, rgb(0xB8, 0x95, 0x84), rgb(0xDD, 0xA0, 0x92), DARK_EYE,
                0.30, -0.25, true),
        new Variety("wild brown", 2, rgb(0x6E, 0x59, 0x47), rgb(0xA8, 0x98, 0x84), rgb(0xD9, 0xA8, 0x9A), rgb(0xA3, 0x84, 0x77),
                rgb(0xCF, 0x95, 0x88), DARK_EYE, 0.26, -0.35, true),
        new Variety("black", 2.5, rgb(0x3C, 0x38, 0x39), rgb(0x52, 0x4B, 0x49), rgb(0xC9, 0x97, 0x8E), rgb(0x77, 0x62, 0x60),
                rgb(0xB0, 0x80, 0x7A), DARK_EYE, 0.10, -0.5, true),
        new Variety("black and tan", 1, rgb(0x3A, 0x35, 0x34), rgb(0xC2, 0x7E, 0x3F), rgb(0xD6, 0xA2, 0x90), rgb(0x80, 0x66, 0x60),
                rgb(0xBA, 0x88, 0x7D), DARK_EYE, 0.10, -0.3, false),
        new Variety("albino", 2.5, WHITE, rgb(0xFA, 0xF8, 0xF5), PALE_PINK, rgb(0xEC, 0xBF, 0xB6), rgb(0xF3, 0xBE, 0xB6), RED_EYE, 0.04,
                -0.5, false),
        new Variety("grey", 2, rgb(0x80, 0x82, 0x88), rgb(0xC4, 0xC4, 0xC6), PINK, rgb(0xB6, 0x99, 0x95), rgb(0xDE, 0xA6, 0x9F), DARK_EYE,
                0.14, -0.3, true),
        new Variety("cream", 1.5, rgb(0xE4, 0xCF, 0xA8), rgb(0xF3, 0xE8, 0xD2), PALE_PINK, rgb(0xE2, 0xB5, 0xA6), rgb(0xEE, 0xB6, 0xA8),
                DARK_EYE, 0.08, -0.3, true),
        new Variety("fawn", 1, rgb(0xBE, 0x8B, 0x58), rgb(0xEB, 0xD3, 0xAE), PALE_PINK, rgb(0xD8, 0xA6, 0x90), rgb(0xE8, 0xA8, 0x96),
                rgb(0x5A, 0x16, 0x1C), 0.12, -0.25, true),
        new Variety("chocolate", 1.5, rgb(0x55, 0x38, 0x2A), rgb(0x7A, 0x5A, 0x48), rgb(0xDC, 0xA8, 0x99), rgb(0x9C, 0x79, 0x6B),
                rgb(0xC8, 0x8E, 0x80), DARK_EYE, 0.10, -0.4, true),
    };

    private CoatVarieties() {
    }

    static Coat draw(SplitMix64 random) {
        double total = 0;
        for (Variety v : VARIETIES) {
            total += v.weight;
        }
        double pick = random.uniform(0, total);
        int i = 0;
        while (i < VARIETIES.length - 1 && pick >= VARIETIES[i].weight) {
            pick -= VARIETIES[i++].weight;
        }
        Variety v = VARIETIES[i];
        double tone = random.bell(1, 0.14);
        double warmth = random.bell(0, 0.03);
        boolean patched = random.chance(0.35);
        double share = random.uniform(0.25, 0.6);
        double scale = random.uniform(2.2, 4.5);
        long patchSeed = random.nextLong();
        double piebald = v.patches && patched ? share : 0;
        return new Coat(piebald > 0 ? v.name + " piebald" : v.name, toned(v.back, tone, warmth), toned(v.belly, tone, warmth / 2), v.skin,
                v.tail, v.ear, v.eye, v.ticking, v.bellyLine + random.bell(0, 0.12), piebald, scale, patchSeed);
    }

    static List<Double> white() {
        return WHITE;
    }

    private static List<Double> toned(List<Double> c, double tone, double warmth) {
        return List.of(clip(c.get(0) * tone + warmth), clip(c.get(1) * tone), clip(c.get(2) * tone - warmth));
    }

    private static double clip(double v) {
        return Math.max(0.02, Math.min(0.97, v));
    }

    private static List<Double> rgb(int r, int g, int b) {
        return List.of(r / 255.0, g / 255.0, b / 255.0);
    }
}
