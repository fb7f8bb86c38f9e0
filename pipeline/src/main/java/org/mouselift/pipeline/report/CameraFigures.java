package org.mouselift.pipeline.report;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.function.ToDoubleFunction;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/** A rig before and after its normalisation as figures (mouse specification §7.10): positions, numbers, pictures with their cameras, and the data. */
public final class CameraFigures {
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    private static final int PANEL = 420;
    private static final int HEIGHT = 320;
    private static final int TILE = 220;

    private CameraFigures() {}

    /**
     * Writes {@code camera_positions_3d.png}, {@code camera_statistics.png}, {@code camera_data.json} and, where there are pictures, {@code image_grid_with_cameras.png}.
     *
     * @param pictures one per camera, or empty
     */
    public static List<Path> write(Path folder, CameraRig before, CameraRig after, List<Image8> pictures) throws IOException {
        Files.createDirectories(folder);
        List<Path> files = new ArrayList<>(List.of(folder.resolve("camera_positions_3d.png"), folder.resolve("camera_statistics.png"), folder.resolve("camera_data.json")));
        PngWriter.write(files.get(0), RigPlot.rows(List.of(new RigPlot.Layer("as it is, " + upAxis(before), before), new RigPlot.Layer("normalised, " + upAxis(after), after))));
        PngWriter.write(files.get(1), statistics(before, after));
        ObjectNode root = JsonNodeFactory.instance.objectNode().put("rig", before.id());
        root.set("original", data(before));
        root.set("normalised", data(after));
        AtomicFile.writeText(files.get(2), MAPPER.writeValueAsString(root) + "\n");
        if (pictures.size() == after.size()) {
            files.add(folder.resolve("image_grid_with_cameras.png"));
            PngWriter.write(files.getLast(), grid(after, pictures));
        }
        return files;
    }

    /** The axis that the cameras' own up is nearest to, for example "Z up". */
    static String upAxis(CameraRig rig) {
        Vector3D up = rig.meanUp();
        double[] v = up.toArray();
        int axis = Math.abs(v[0]) > Math.abs(v[1]) && Math.abs(v[0]) > Math.abs(v[2]) ? 0 : Math.abs(v[1]) > Math.abs(v[2]) ? 1 : 2;
        return (v[axis] < 0 ? "−" : "") + "XYZ".charAt(axis) + " up";
    }

    private static ObjectNode data(CameraRig rig) {
        ObjectNode o = JsonNodeFactory.instance.objectNode().put("up_axis", upAxis(rig));
        ArrayNode cameras = o.putArray("cameras");
        for (Camera c : rig.cameras()) {
            ObjectNode n = cameras.addObject().put("distance", c.center().getNorm()).put("elevation_deg", c.position().elevationDegrees())
                    .put("azimuth_deg", c.position().azimuth().xyDegrees());
            n.set("c2w", MAPPER.valueToTree(c.pose().c2w()));
            n.set("fxfycxcy", MAPPER.valueToTree(c.intrinsics().fxfycxcy()));
        }
        return o;
    }

    private static Image8 statistics(CameraRig before, CameraRig after) {
        Drawing d = new Drawing(3 * PANEL, HEIGHT + 26);
        panel(d, 0, "distance from the origin", before, after, c -> c.center().getNorm(), 0);
        panel(d, 1, "elevation, degrees", before, after, c -> c.position().elevationDegrees(), 0);
        panel(d, 2, "azimuth, degrees (x to y)", before, after, c -> c.position().azimuth().xyDegrees(), 360);
        d.text("as it is, " + upAxis(before), 70, HEIGHT + 18, 13, true, Drawing.COLOURS[0], Drawing.Align.LEFT);
        d.text("normalised, " + upAxis(after), 260, HEIGHT + 18, 13, true, Drawing.COLOURS[1], Drawing.Align.LEFT);
        return d.image();
    }

    private static void panel(Drawing d, int column, String title, CameraRig before, CameraRig after, ToDoubleFunction<Camera> value, double least) {
        double most = Math.max(least, 1e-6);
        double low = 0;
        for (CameraRig rig : List.of(before, after)) {
            for (Camera c : rig.cameras()) {
                most = Math.max(most, value.applyAsDouble(c));
                low = Math.min(low, value.applyAsDouble(c));
            }
        }
        Axes axes = new Axes(d, column * PANEL, 0, PANEL, HEIGHT, -0.6, before.size() - 0.4, 1.1 * low, 1.1 * most).frame(title, "camera", "", false);
        for (int i = 0; i < before.size(); i++) {
            d.text(Integer.toString(i), axes.x(i), axes.y(1.1 * low) + 15, 11, false, Drawing.GREY, Drawing.Align.CENTER);
            column(d, axes, i - 0.35, i, value.applyAsDouble(before.get(i)), 0);
            column(d, axes, i, i + 0.35, value.applyAsDouble(after.get(i)), 1);
        }
    }

    private static void column(Drawing d, Axes axes, double from, double to, double value, int colour) {
        double a = axes.y(value);
        double b = axes.y(0);
        d.fill(new java.awt.geom.Rectangle2D.Double(axes.x(from), Math.min(a, b), axes.x(to) - axes.x(from), Math.abs(a - b)), Drawing.COLOURS[colour]);
    }

    private static Image8 grid(CameraRig rig, List<Image8> pictures) {
        int columns = Math.min(6, rig.size());
        Drawing d = new Drawing(columns * (TILE + 10) + 10, Math.ceilDiv(rig.size(), columns) * (TILE + 66) + 10);
        for (int i = 0; i < rig.size(); i++) {
            int left = 10 + i % columns * (TILE + 10);
            int top = 10 + i / columns * (TILE + 66);
            Vector3D c = rig.get(i).center();
            Vector3D up = rig.get(i).pose().rotation().row(1).negate();
            d.text("camera " + i + " at " + vector(c), left, top + 14, 12, true, Drawing.INK, Drawing.Align.LEFT);
            d.text("its up " + vector(up), left, top + 32, 12, false, Drawing.GREY, Drawing.Align.LEFT);
            Image8 p = pictures.get(i);
            int w = p.width() >= p.height() ? TILE : TILE * p.width() / p.height();
            int h = p.width() >= p.height() ? TILE * p.height() / p.width() : TILE;
            d.picture(p, left, top + 40, w, h);
        }
        return d.image();
    }

    private static String vector(Vector3D v) {
        return String.format(Locale.ROOT, "(%.2f, %.2f, %.2f)", v.getX(), v.getY(), v.getZ());
    }
}
