package org.mouselift.data.camera;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.TreeSet;

/**
 * The named rigs (mouse specification §1.4). Their numbers live in the resource {@code rigs.json}; files of the same
 * format add more. Besides names, a rig may be described: {@code ring:n=6,elev=20,dist=2.7,fov=50} and
 * {@code turntable:n=120,elev=0}.
 */
public final class RigCatalog {
    private static final String RESOURCE = "rigs.json";
    private static final RigCatalog BUILT_IN = load();

    /**
     * One rig of the catalogue.
     *
     * @param id          name, as used on command lines and in checkpoints
     * @param description what it is and where it comes from
     * @param verified    false where the source's constants are known to be doubtful
     * @param viewNames   names of views or slots, empty where there are none
     * @param fileOrder   view i of the rig is frame {@code fileOrder[i]} of the original's camera file, if it differs
     * @param sourceUnits whether distances are in source units instead of model units
     */
    public record Entry(String id, String description, boolean verified, List<String> viewNames,
                        Optional<List<Integer>> fileOrder, boolean sourceUnits, CameraRig rig) {}

    private final Map<String, Entry> entries;

    private RigCatalog(Map<String, Entry> entries) {
        this.entries = Collections.unmodifiableMap(entries);
    }

    /** The rigs that come with the program. */
    public static RigCatalog builtIn() {
        return BUILT_IN;
    }

    /** A built-in rig or a described one; see {@link #rig(String)}. */
    public static CameraRig named(String name) {
        return BUILT_IN.rig(name);
    }

    /** The human multi-view model's six cameras in slot order: front, front_right, right, back, left, front_left. */
    public static CameraRig human6() {
        return named("human6");
    }

    /** The reconstructor's 32 training cameras; view 24 is the front. */
    public static CameraRig human32() {
        return named("human32");
    }

    public Collection<Entry> entries() {
        return entries.values();
    }

    public Entry entry(String id) {
        Entry e = entries.get(id);
        if (e == null) {
            throw new CameraException(null, "rig \"" + id + "\"", "is unknown", "available: "
                    + String.join(", ", new TreeSet<>(entries.keySet())) + ", ring:n=6,elev=20,dist=2.7,fov=50, "
                    + "turntable:n=120,elev=0");
        }
        return e;
    }

    /** A rig by name, {@code ring:…} or {@code turntable:…}. */
    public CameraRig rig(String name) {
        int colon = name.indexOf(':');
        return colon < 0 ? entry(name).rig() : RingDescription.parse(name);
    }

    /** The built-in rigs and those of a file; a name that exists already is an error. */
    public RigCatalog with(Path file) throws IOException {
        CameraJson json = CameraJson.at(file);
        Map<String, Entry> all = new LinkedHashMap<>(entries);
        for (Entry e : parse(json, json.read())) {
            if (all.putIfAbsent(e.id(), e) != null) {
                throw json.error("rigs", "defines \"" + e.id() + "\", which exists already", "choose another name");
            }
        }
        return new RigCatalog(all);
    }

    private static RigCatalog load() {
        try (InputStream in = RigCatalog.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IOException("resource " + RESOURCE + " is missing from the data module");
            }
            CameraJson json = CameraJson.at(Path.of(RESOURCE));
            Map<String, Entry> all = new LinkedHashMap<>();
            for (Entry e : parse(json, json.parse(in.readAllBytes()))) {
                if (all.putIfAbsent(e.id(), e) != null) {
                    throw json.error("rigs", "defines \"" + e.id() + "\" twice", "remove one");
                }
            }
            return new RigCatalog(all);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static List<Entry> parse(CameraJson json, JsonNode root) throws CameraFileException {
        List<Entry> out = new ArrayList<>();
        int i = 0;
        for (JsonNode n : json.array(json.object(root, null), "rigs", "rigs")) {
            String at = "rigs[" + i++ + "]";
            out.add(entry(json, json.object(n, at), at));
        }
        return out;
    }

    private static Entry entry(CameraJson json, ObjectNode r, String at) throws CameraFileException {
        String id = r.path("id").asText("");
        if (!id.matches("[A-Za-z][A-Za-z0-9_-]*")) {
            throw json.error(at + ".id", "is \"" + id + "\"", "name the rig with letters, digits, _ and -");
        }
        AzimuthConvention convention;
        try {
            convention = AzimuthConvention.valueOf(r.path("azimuth_convention").asText(""));
        } catch (IllegalArgumentException e) {
            throw json.error(at + ".azimuth_convention", "is " + r.get("azimuth_convention"),
                    "use one of " + List.of(AzimuthConvention.values()));
        }
        int w = json.size(r.get("width"), at + ".width");
        int h = json.size(r.get("height"), at + ".height");
        double offset = json.optionalNumber(r, "azimuth_offset", at + ".azimuth_offset").orElse(0);
        OptionalDouble fov = json.optionalNumber(r, "fov", at + ".fov");
        List<Camera> cameras = new ArrayList<>();
        List<String> names = new ArrayList<>();
        for (JsonNode v : json.array(r, "views", at + ".views")) {
            String view = at + ".views[" + cameras.size() + "]";
            ObjectNode o = json.object(v, view);
            SphericalPosition position = new SphericalPosition(json.number(o, "distance", view + ".distance"),
                    json.number(o, "elevation", view + ".elevation"),
                    new Azimuth(offset + json.number(o, "azimuth", view + ".azimuth"), convention));
            double fx = json.optionalNumber(o, "fx", view + ".fx").orElseGet(() -> fov.isPresent()
                    ? Intrinsics.focal(fov.getAsDouble(), w) : Double.NaN);
            if (!(fx > 0)) {
                throw json.error(view, "has no focal length", "give fov for the rig or a positive fx for the view");
            }
            Intrinsics k = new Intrinsics(fx, json.optionalNumber(o, "fy", view + ".fy").orElse(fx),
                    json.optionalNumber(o, "cx", view + ".cx").orElse(w / 2.0),
                    json.optionalNumber(o, "cy", view + ".cy").orElse(h / 2.0), w, h);
            cameras.add(Rings.orbit(k, position.distance(), position.elevationDegrees(), position.azimuth()));
            if (o.hasNonNull("name")) {
                names.add(o.get("name").asText());
            }
        }
        CameraRig rig = new CameraRig(id, cameras);
        OptionalDouble mean = json.optionalNumber(r, "mean_distance", at + ".mean_distance");
        if (mean.isPresent()) {
            rig = Similarity.scale(mean.getAsDouble() / rig.meanDistance()).apply(rig);
        }
        boolean source = r.path("source_units").asBoolean(false);
        RigCheck.require(rig, source ? RigCheck.Limits.SOURCE_UNITS : RigCheck.Limits.STANDARD);
        return new Entry(id, r.path("description").asText(""), r.path("verified").asBoolean(true), List.copyOf(names),
                fileOrder(json, r, at, rig.size()), source, rig);
    }

    private static Optional<List<Integer>> fileOrder(CameraJson json, ObjectNode r, String at, int n)
            throws CameraFileException {
        if (!r.has("file_order")) {
            return Optional.empty();
        }
        List<Integer> order = new ArrayList<>();
        for (JsonNode v : json.array(r, "file_order", at + ".file_order")) {
            order.add((int) json.number(v, at + ".file_order"));
        }
        if (!new TreeSet<>(order).equals(new TreeSet<>(java.util.stream.IntStream.range(0, n).boxed().toList()))
                || order.size() != n) {
            throw json.error(at + ".file_order", "is " + order, "give a permutation of 0…" + (n - 1));
        }
        return Optional.of(List.copyOf(order));
    }
}
