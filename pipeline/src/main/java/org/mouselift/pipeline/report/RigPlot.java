package org.mouselift.pipeline.report;

import java.awt.Color;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Path2D;
import java.util.List;
import java.util.Locale;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.image.Image8;

/**
 * Rigs from above, from the subject's right and at a slant (mouse specification §7.10). Cameras are pyramids that open toward what they see; the
 * subject faces −Y; distances are in world units.
 */
public final class RigPlot {
    private static final int SIDE = 460;
    private static final int GAP = 16;
    private static final int HEAD = 60;

    /**
     * One rig of a picture.
     *
     * @param names one per camera, or empty: numbers
     */
    public record Layer(String title, CameraRig rig, List<String> names) {
        public Layer {
            names = List.copyOf(names);
        }

        public Layer(String title, CameraRig rig) {
            this(title, rig, List.of());
        }

        private String name(int i) {
            boolean telling = i < names.size() && !names.get(i).isEmpty() && !names.get(i).matches("\\D*" + i);
            return telling ? i + " " + names.get(i) : Integer.toString(i);
        }
    }

    /** Orthographic projection: the world directions that run right and up on paper. */
    private record Panel(String title, Vector3D right, Vector3D up, String rightName, String upName) {}

    private static final List<Panel> PANELS = List.of(
            new Panel("from above", Vector3D.PLUS_I, Vector3D.PLUS_J, "x", "y"),
            new Panel("from the subject's right", Vector3D.MINUS_J, Vector3D.PLUS_K, "−y", "z"),
            slant(-62, 28));

    private static Panel slant(double azimuth, double elevation) {
        double a = Math.toRadians(azimuth);
        double e = Math.toRadians(elevation);
        return new Panel("at a slant", new Vector3D(-Math.sin(a), Math.cos(a), 0),
                new Vector3D(-Math.sin(e) * Math.cos(a), -Math.sin(e) * Math.sin(a), Math.cos(e)), "", "");
    }

    private final Drawing drawing;

    private RigPlot(Drawing drawing) {
        this.drawing = drawing;
    }

    /** All rigs in one world, in different colours. RGB. */
    public static Image8 overlay(List<Layer> layers) {
        Drawing d = new Drawing(3 * SIDE + 4 * GAP, SIDE + HEAD + GAP);
        new RigPlot(d).row(layers, 0);
        return d.image();
    }

    /** One row of pictures for each rig, each to its own scale. RGB. */
    public static Image8 rows(List<Layer> layers) {
        Drawing d = new Drawing(3 * SIDE + 4 * GAP, layers.size() * (SIDE + HEAD + GAP));
        RigPlot plot = new RigPlot(d);
        for (int i = 0; i < layers.size(); i++) {
            plot.row(List.of(layers.get(i)), i * (SIDE + HEAD + GAP));
        }
        return d.image();
    }

    private void row(List<Layer> layers, int top) {
        double reach = layers.stream().flatMap(l -> l.rig().cameras().stream()).mapToDouble(c -> c.center().getNorm()).max().orElse(1);
        double scale = 0.5 * SIDE / (1.22 * reach);
        double x = GAP;
        for (int i = 0; i < layers.size(); i++) {
            drawing.fill(new Ellipse2D.Double(x, top + 12, 12, 12), colour(i));
            x += 42 + drawing.text(layers.get(i).title, x + 18, top + 23, 15, true, Drawing.INK, Drawing.Align.LEFT);
        }
        for (int p = 0; p < PANELS.size(); p++) {
            panel(PANELS.get(p), layers, GAP + p * (SIDE + GAP), top + HEAD, scale, reach);
        }
    }

    private static Color colour(int layer) {
        return Drawing.COLOURS[layer % Drawing.COLOURS.length];
    }

    private void panel(Panel p, List<Layer> layers, double left, double top, double scale, double reach) {
        double cx = left + SIDE / 2.0;
        double cy = top + SIDE / 2.0;
        drawing.outline(new java.awt.geom.Rectangle2D.Double(left, top, SIDE, SIDE), Drawing.PALE, 1);
        drawing.text(p.title, cx, top - 8, Drawing.Align.CENTER);
        double step = step(reach);
        for (double r = step; r < 1.2 * reach; r += step) {
            circle(p, cx, cy, scale, r);
            if (p.rightName.equals("x")) {
                drawing.text(number(r), cx + 2, cy - scale * r - 2, 10, false, Drawing.GREY, Drawing.Align.LEFT);
            }
        }
        double axis = 0.55 * step * scale;
        if (!p.rightName.isEmpty()) {
            double ox = left + 16;
            double oy = top + SIDE - 16;
            drawing.line(ox, oy, ox + 28, oy, Drawing.GREY, 1.2);
            drawing.line(ox, oy, ox, oy - 28, Drawing.GREY, 1.2);
            drawing.text(p.rightName, ox + 32, oy + 4, 12, false, Drawing.GREY, Drawing.Align.LEFT);
            drawing.text(p.upName, ox, oy - 32, 12, false, Drawing.GREY, Drawing.Align.CENTER);
        }
        subject(p, cx, cy, scale, Math.max(0.12 * reach, axis / scale * 0.4));
        for (int l = 0; l < layers.size(); l++) {
            List<Camera> cameras = layers.get(l).rig().cameras();
            for (int i = 0; i < cameras.size(); i++) {
                camera(p, cameras.get(i), cx, cy, scale, 0.16 * reach, colour(l));
            }
            boolean few = cameras.size() <= 12; // of many cameras, every fourth has its number
            for (int i = 0; i < cameras.size(); i++) {
                if (few || i % 4 == 0) {
                    double[] at = at(p, cameras.get(i).center(), cx, cy, scale);
                    double length = Math.max(1, Math.hypot(at[0] - cx, at[1] - cy));
                    double away = 14 + (l == 0 ? 0 : 11);
                    drawing.text(few && p.rightName.equals("x") ? layers.get(l).name(i) : Integer.toString(i), at[0] + away * (at[0] - cx) / length, at[1] + away * (at[1] - cy) / length + 5, 12,
                            l == 0, colour(l), Drawing.Align.CENTER);
                }
            }
        }
    }

    /** A horizontal circle around the subject, as it appears on the panel. */
    private void circle(Panel p, double cx, double cy, double scale, double radius) {
        Path2D path = new Path2D.Double();
        for (int k = 0; k <= 90; k++) {
            double a = Math.toRadians(4 * k);
            double[] q = at(p, new Vector3D(radius * Math.cos(a), radius * Math.sin(a), 0), cx, cy, scale);
            if (k == 0) {
                path.moveTo(q[0], q[1]);
            } else {
                path.lineTo(q[0], q[1]);
            }
        }
        drawing.outline(path, Drawing.PALE, 1);
    }

    /** A drop shape: round behind, pointed where the subject looks (−Y). */
    private void subject(Panel p, double cx, double cy, double scale, double size) {
        Path2D path = new Path2D.Double();
        boolean side = Math.abs(p.up.getZ()) > 0.9;
        for (int k = 0; k <= 60; k++) {
            double a = Math.toRadians(6 * k);
            double along = Math.cos(a);
            double thick = 0.45 * Math.sin(a) * (along < 0 ? 1 : 1 - along * along * 0.6);
            Vector3D v = side ? new Vector3D(0, -size * along, size * thick) : new Vector3D(size * thick, -size * along, 0);
            double[] q = at(p, v, cx, cy, scale);
            if (k == 0) {
                path.moveTo(q[0], q[1]);
            } else {
                path.lineTo(q[0], q[1]);
            }
        }
        drawing.fill(path, new Color(0xb9a48c));
        drawing.outline(path, new Color(0x7a6650), 1);
    }

    private void camera(Panel p, Camera c, double cx, double cy, double scale, double depth, Color colour) {
        Intrinsics k = c.intrinsics();
        double[] apex = at(p, c.center(), cx, cy, scale);
        double[][] corner = new double[4][];
        for (int i = 0; i < 4; i++) {
            corner[i] = at(p, c.unproject(i == 0 || i == 3 ? 0 : k.width(), i < 2 ? 0 : k.height(), depth), cx, cy, scale);
        }
        Path2D face = new Path2D.Double();
        for (int i = 0; i < 4; i++) {
            if (i == 0) {
                face.moveTo(corner[i][0], corner[i][1]);
            } else {
                face.lineTo(corner[i][0], corner[i][1]);
            }
        }
        face.closePath();
        double[] far = at(p, c.unproject(k.cx(), k.cy(), c.center().getNorm()), cx, cy, scale);
        drawing.dashed(apex[0], apex[1], far[0], far[1], Drawing.pale(colour, 90));
        drawing.fill(face, Drawing.pale(colour, 40));
        drawing.outline(face, colour, 1.2);
        for (double[] q : corner) {
            drawing.line(apex[0], apex[1], q[0], q[1], colour, 1.2);
        }
        drawing.fill(new Ellipse2D.Double(apex[0] - 3, apex[1] - 3, 6, 6), colour);
    }

    private static double[] at(Panel p, Vector3D world, double cx, double cy, double scale) {
        return new double[] {cx + scale * world.dotProduct(p.right), cy - scale * world.dotProduct(p.up)};
    }

    /** A round distance that divides the plot into two to five rings. */
    private static double step(double reach) {
        double power = Math.pow(10, Math.floor(Math.log10(reach / 2)));
        return reach / 2 / power >= 5 ? 5 * power : reach / 2 / power >= 2 ? 2 * power : power;
    }

    private static String number(double v) {
        return v == Math.rint(v) ? String.format(Locale.ROOT, "%.0f", v) : String.format(Locale.ROOT, "%.1f", v);
    }
}
