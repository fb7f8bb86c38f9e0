package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * The arguments of all launches in two arrays.
 *
 * @param ints of all launches one after another
 * @param floats likewise; at least one, as arrays on devices are not empty
 * @param places where the ints of a step begin
 */
public record Packing(int[] ints, float[] floats, int[] places) {
    public static Packing of(List<Step> steps) {
        int n = 1;
        List<Float> floats = new ArrayList<>(List.of(0f));
        int[] places = new int[steps.size()];
        for (int i = 0; i < steps.size(); i++) {
            places[i] = n;
            if (steps.get(i) instanceof Launch l) {
                n = Math.addExact(n, l.arguments().size());
            }
        }
        int[] ints = new int[n];
        for (int i = 0; i < steps.size(); i++) {
            if (steps.get(i) instanceof Launch l) {
                int[] own = l.arguments().resolve(floats.size());
                System.arraycopy(own, 0, ints, places[i], own.length);
                floats.addAll(l.arguments().floats());
            }
        }
        float[] flat = new float[floats.size()];
        for (int i = 0; i < flat.length; i++) {
            flat[i] = floats.get(i);
        }
        return new Packing(ints, flat, places);
    }
}
