package org.mouselift.data.synth;

import java.util.List;

/**
 * Everything that distinguishes one synthetic mouse from another; all of it is drawn from the seed and the index, so mouse
 * {@code index} of {@code seed} is the same in every data set. Lengths are multiples of the standard mouse's (whose body is
 * about 0.9 world units long) unless said otherwise; angles are degrees.
 *
 * @param seed  seed of the population
 * @param index number of the mouse in the population
 * @param build proportions
 * @param pose  pose of body, head and limbs
 * @param tail  curve of the tail
 * @param coat  colours and pattern
 * @param light the light baked into the colours
 * @param yaw   turn about the vertical axis; 0 faces −Y
 */
public record MouseParameters(long seed, long index, Build build, Pose pose, Tail tail, Coat coat, Light light, double yaw) {
    /** Proportions: overall size, girth of the trunk, and sizes of single organs relative to the standard mouse. */
    public record Build(double size, double girth, double rump, double head, double snout, double ears, double eyes, double limbs) {
    }

    /** Families of poses. */
    public enum Posture { STANDING, CROUCHING, REARING, STRETCHING, TURNING }

    /**
     * @param posture      family the angles were drawn from
     * @param pitchHip     slope of the spine at the hip, positive: rising towards the head
     * @param pitchShoulder slope of the spine at the shoulder
     * @param bend         sideways bend of the spine from hip to shoulder, positive: to the mouse's left
     * @param headYaw      turn of the head against the shoulders, positive: to the left
     * @param headPitch    slope of the snout, absolute
     * @param headRoll     tilt of the head
     * @param hipHeight    height of the hip above the ground, world units of the standard mouse
     * @param stride       fore-and-aft offsets of the paws: front left, front right, hind left, hind right
     * @param earSpread    how far the ears open to the sides
     * @param earBack      how far the ears lie back
     */
    public record Pose(Posture posture, double pitchHip, double pitchShoulder, double bend, double headYaw, double headPitch,
                       double headRoll, double hipHeight, List<Double> stride, double earSpread, double earBack) {
    }

    /**
     * @param length    length, world units of the standard mouse
     * @param thickness relative thickness
     * @param turns     turning of the tail over its first, middle and last third
     * @param lift      slope at which it leaves the rump
     * @param raise     slope of the last third
     */
    public record Tail(double length, double thickness, List<Double> turns, double lift, double raise) {
    }

    /**
     * @param name       variety
     * @param back       sRGB colour of the back, 0..1
     * @param belly      sRGB colour of the belly
     * @param skin       sRGB colour of the feet
     * @param tail       sRGB colour of the tail's skin
     * @param ear        sRGB colour of the inner ear
     * @param eye        sRGB colour of the eyes
     * @param ticking    strength of the fine light-dark pattern of banded hairs
     * @param bellyLine  where the belly colour begins: cosine of the angle to the dorsal direction
     * @param piebald    share of white patches, 0 for none
     * @param patchScale patches per world unit
     * @param patchSeed  seed of the patches
     */
    public record Coat(String name, List<Double> back, List<Double> belly, List<Double> skin, List<Double> tail, List<Double> ear,
                       List<Double> eye, double ticking, double bellyLine, double piebald, double patchScale, long patchSeed) {
    }

    /**
     * @param azimuth   direction the light comes from, about Z, 0 at +X
     * @param elevation height of the light
     * @param key       strength of the directed light
     * @param sky       strength of the light from above
     * @param ground    strength of the light from below
     */
    public record Light(double azimuth, double elevation, double key, double sky, double ground) {
    }

    /**
     * Draws a mouse.
     *
     * @param maxYaw largest turn about the vertical, degrees in [0, 180]; 0: every mouse faces −Y
     */
    public static MouseParameters sample(long seed, long index, double maxYaw) {
        if (!(maxYaw >= 0 && maxYaw <= 180)) {
            throw new IllegalArgumentException("maxYaw = " + maxYaw + ": expected degrees from 0 to 180");
        }
        if (index < 0) {
            throw new IllegalArgumentException("index = " + index + ": the number of a mouse is not negative");
        }
        SplitMix64 random = new SplitMix64(seed, index);
        Build build = new Build(random.bell(1, 0.1), random.bell(1, 0.14), random.bell(1, 0.12), random.bell(1, 0.1),
                random.bell(1, 0.15), random.bell(1, 0.2), random.bell(1, 0.2), random.bell(1, 0.1));
        Pose pose = pose(random);
        Tail tail = tail(random);
        Coat coat = CoatVarieties.draw(random);
        Light light = new Light(random.bell(240, 70), random.uniform(38, 68), random.uniform(0.75, 1.05), random.uniform(0.5, 0.66),
                random.uniform(0.2, 0.3));
        double yaw = maxYaw * random.uniform(-1, 1);
        return new MouseParameters(seed, index, build, pose, tail, coat, light, yaw);
    }

    private static Pose pose(SplitMix64 random) {
        double kind = random.uniform();
        double side = random.chance(0.5) ? 1 : -1;
        double step = random.uniform(0, 0.05);
        double swing = random.chance(0.5) ? step : -step;
        List<Double> walk = List.of(swing, -swing, -0.8 * swing, 0.8 * swing);
        List<Double> even = List.of(0.0, 0.0, 0.0, 0.0);
        double spread = random.bell(0, 14);
        double back = random.bell(0, 14);
        if (kind < 0.34) {
            return new Pose(Posture.STANDING, random.bell(20, 8), random.bell(-18, 8), random.bell(0, 22), random.bell(0, 35),
                    random.bell(-8, 18), random.bell(0, 10), random.bell(0.175, 0.02), walk, spread, back);
        }
        if (kind < 0.54) {
            return new Pose(Posture.CROUCHING, random.bell(38, 8), random.bell(-42, 8), random.bell(0, 20), random.bell(0, 30),
                    random.bell(-16, 14), random.bell(0, 10), random.bell(0.15, 0.012), even, spread, back);
        }
        if (kind < 0.70) {
            return new Pose(Posture.REARING, random.bell(66, 10), random.bell(42, 16), random.bell(0, 18), random.bell(0, 40),
                    random.bell(8, 25), random.bell(0, 10), random.bell(0.16, 0.012), even, spread, back);
        }
        if (kind < 0.84) {
            return new Pose(Posture.STRETCHING, random.bell(7, 5), random.bell(-5, 6), random.bell(0, 16), random.bell(0, 25),
                    random.bell(-4, 14), random.bell(0, 8), random.bell(0.165, 0.015), walk, spread, back);
        }
        return new Pose(Posture.TURNING, random.bell(28, 8), random.bell(-26, 8), side * random.uniform(40, 75),
                side * random.uniform(20, 55), random.bell(-10, 12), side * random.bell(-8, 8), random.bell(0.16, 0.015), even,
                spread, back);
    }

    private static Tail tail(SplitMix64 random) {
        double sweep = (random.chance(0.5) ? 1 : -1) * random.uniform(50, 220);
        double counter = random.chance(0.45) ? random.bell(-0.8 * sweep, 40) : random.bell(0.4 * sweep, 30);
        return new Tail(random.uniform(0.56, 0.8), random.bell(1, 0.18),
                List.of(0.45 * sweep, 0.55 * sweep, counter), random.bell(0, 22),
                random.chance(0.25) ? random.uniform(10, 45) : 0);
    }
}
