package org.mouselift.pipeline.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.RigComparison;

/** The files of a comparison of two rigs (mouse specification §7.10): {@code comparison_report.md} and {@code comparison_results.json}. */
public final class RigComparisonReport {
    public static final String PICTURE = "rigs.png";
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    private RigComparisonReport() {}

    /** Writes both files into an existing folder. */
    public static void write(Path folder, RigComparison c) throws IOException {
        AtomicFile.writeText(folder.resolve("comparison_report.md"), markdown(c));
        AtomicFile.writeText(folder.resolve("comparison_results.json"), MAPPER.writeValueAsString(json(c)) + "\n");
    }

    static String markdown(RigComparison c) {
        StringBuilder t = new StringBuilder("# Camera rigs compared: " + c.first().id() + " and " + c.second().id() + "\n\n![rigs](" + PICTURE + ")\n\n");
        t.append("Angles in a Z-up world: elevation is asin(z/d), azimuth atan2(y, x).\n\n| | ").append(c.first().id()).append(" | ").append(c.second().id()).append(" |\n|---|---|---|\n");
        for (String[] row : List.of(
                new String[] {"cameras", Integer.toString(c.first().cameras()), Integer.toString(c.second().cameras())},
                new String[] {"distance", range(c.first().distance(), "%.3f"), range(c.second().distance(), "%.3f")},
                new String[] {"elevation, degrees", range(c.first().elevation(), "%.1f"), range(c.second().elevation(), "%.1f")},
                new String[] {"field of view, degrees", text("%.1f", c.first().fov()), text("%.1f", c.second().fov())},
                new String[] {"focal length at width 512, pixels", text("%.1f", c.first().focal()), text("%.1f", c.second().focal())},
                new String[] {"largest azimuth gap, degrees", text("%.1f", c.first().largestGap()), text("%.1f", c.second().largestGap())},
                new String[] {"mean camera-up", vector(c.first().up()), vector(c.second().up())},
                new String[] {"normal of the camera plane", vector(c.first().normal()), vector(c.second().normal())},
                new String[] {"planarity", planarity(c.first()), planarity(c.second())})) {
            t.append("| ").append(String.join(" | ", row)).append(" |\n");
        }
        t.append("\n## Cameras\n\n");
        if (c.rows().isEmpty()) {
            t.append("| camera of ").append(c.second().id()).append(" | nearest of ").append(c.first().id()).append(" | angle, degrees |\n|---|---|---|\n");
            c.nearest().forEach(n -> t.append(text("| %d | %d | %.1f |\n", n.camera(), n.other(), n.angle())));
        } else {
            t.append("| slot | azimuths | difference after the best common turn | elevations | distances |\n|---|---|---|---|---|\n");
            c.rows().forEach(r -> t.append(text("| %d | %.1f, %.1f | %+.1f | %.1f, %.1f | %.3f, %.3f |\n", r.camera(), r.first().azimuth().xyDegrees(),
                    r.second().azimuth().xyDegrees(), r.azimuthDifference(), r.first().elevationDegrees(), r.second().elevationDegrees(), r.first().distance(),
                    r.second().distance())));
        }
        t.append("\n## Verdict\n\n");
        c.verdicts().forEach(v -> t.append("- **").append(v.topic()).append("**: ").append(v.agreement().name().toLowerCase(Locale.ROOT)).append(". ")
                .append(v.text().replace("\n", "\n  ")).append('\n'));
        return t.toString();
    }

    static ObjectNode json(RigComparison c) {
        ObjectNode root = JsonNodeFactory.instance.objectNode();
        root.set("first", summary(c.first()));
        root.set("second", summary(c.second()));
        ArrayNode rows = root.putArray("cameras");
        c.rows().forEach(r -> rows.addObject().put("slot", r.camera()).put("first_azimuth_deg", r.first().azimuth().xyDegrees())
                .put("second_azimuth_deg", r.second().azimuth().xyDegrees()).put("azimuth_difference_deg", r.azimuthDifference())
                .put("first_elevation_deg", r.first().elevationDegrees()).put("second_elevation_deg", r.second().elevationDegrees())
                .put("first_distance", r.first().distance()).put("second_distance", r.second().distance()));
        ArrayNode nearest = root.putArray("nearest");
        c.nearest().forEach(n -> nearest.addObject().put("camera", n.camera()).put("nearest", n.other()).put("angle_deg", n.angle()));
        ArrayNode verdicts = root.putArray("verdicts");
        c.verdicts().forEach(v -> verdicts.addObject().put("topic", v.topic()).put("agreement", v.agreement().name().toLowerCase(Locale.ROOT)).put("text", v.text()));
        return root;
    }

    private static ObjectNode summary(RigComparison.Summary s) {
        ObjectNode o = JsonNodeFactory.instance.objectNode().put("rig", s.id()).put("cameras", s.cameras());
        o.putObject("distance").put("mean", s.distance().mean()).put("min", s.distance().min()).put("max", s.distance().max());
        o.putObject("elevation_deg").put("mean", s.elevation().mean()).put("min", s.elevation().min()).put("max", s.elevation().max());
        o.put("fov_deg", s.fov()).put("focal_512", s.focal()).put("largest_azimuth_gap_deg", s.largestGap());
        o.putArray("mean_up").add(s.up().getX()).add(s.up().getY()).add(s.up().getZ());
        o.putArray("plane_normal").add(s.normal().getX()).add(s.normal().getY()).add(s.normal().getZ());
        s.planarity().ifPresent(p -> o.put("planarity", p));
        return o;
    }

    private static String range(RigComparison.Range r, String format) {
        return text(format, r.min()) + " … " + text(format, r.max()) + ", mean " + text(format, r.mean());
    }

    private static String vector(Vector3D v) {
        return text("(%.4f, %.4f, %.4f)", v.getX(), v.getY(), v.getZ());
    }

    private static String planarity(RigComparison.Summary s) {
        return s.planarity().isPresent() ? text("%.4f", s.planarity().getAsDouble()) : "–";
    }

    private static String text(String format, Object... values) {
        return String.format(Locale.ROOT, format, values);
    }
}
