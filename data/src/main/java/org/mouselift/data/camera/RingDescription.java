package org.mouselift.data.camera;

import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * A ring written as text: {@code ring:n=6,elev=20,dist=2.7,fov=50,start=0,sense=ccw,size=512} or
 * {@code turntable:n=120,elev=0,…}. Only {@code n} is required; a ring starts at azimuth 0°, a turntable at the front
 * (270°).
 */
final class RingDescription {
    private static final Set<String> KEYS = Set.of("n", "elev", "dist", "fov", "start", "sense", "size");

    private RingDescription() {}

    static CameraRig parse(String text) {
        int colon = text.indexOf(':');
        String kind = text.substring(0, colon);
        if (!kind.equals("ring") && !kind.equals("turntable")) {
            throw new CameraException(null, "rig \"" + text + "\"", "has the unknown kind \"" + kind + "\"",
                    "write ring:… or turntable:…");
        }
        Map<String, String> values = new LinkedHashMap<>();
        for (String part : text.substring(colon + 1).split(",")) {
            String[] pair = part.split("=", 2);
            String key = pair[0].strip();
            if (pair.length != 2 || !KEYS.contains(key) || values.put(key, pair[1].strip()) != null) {
                throw new CameraException(null, "rig \"" + text + "\": \"" + part + "\"", "is not understood",
                        "write each of n, elev, dist, fov, start, sense, size at most once, as key=value");
            }
        }
        if (!values.containsKey("n")) {
            throw new CameraException(null, "rig \"" + text + "\"", "does not say how many cameras", "add n=6");
        }
        int n = (int) number(text, values, "n", 0, true);
        if (n > 100_000) {
            throw new CameraException(null, "rig \"" + text + "\": n", "is " + n, "give at most 100000 cameras");
        }
        int size = (int) number(text, values, "size", 512, true);
        Rings.Sense sense = switch (values.getOrDefault("sense", "ccw")) {
            case "ccw" -> Rings.Sense.COUNTER_CLOCKWISE;
            case "cw" -> Rings.Sense.CLOCKWISE;
            default -> throw new CameraException(null, "rig \"" + text + "\": sense", "is " + values.get("sense"),
                    "write ccw or cw (seen from above)");
        };
        double start = number(text, values, "start", kind.equals("ring") ? 0 : Rings.FRONT.degrees(), false);
        return Rings.ring(text, n, number(text, values, "elev", 20, false),
                number(text, values, "dist", Rings.STANDARD_DISTANCE, false), Azimuth.xy(start), sense,
                Intrinsics.fromFov(number(text, values, "fov", Intrinsics.STANDARD_FOV_DEGREES, false), size, size));
    }

    private static double number(String text, Map<String, String> values, String key, double fallback, boolean whole) {
        String value = values.get(key);
        if (value == null) {
            return fallback;
        }
        try {
            return whole ? Integer.parseInt(value) : Double.parseDouble(value);
        } catch (NumberFormatException e) {
            throw new CameraException(null, "rig \"" + text + "\": " + key, "is \"" + value + "\"",
                    "give a " + (whole ? "whole number" : "number"));
        }
    }
}
