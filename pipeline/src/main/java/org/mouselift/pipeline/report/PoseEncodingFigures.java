package org.mouselift.pipeline.report;

import java.awt.geom.Rectangle2D;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.EigenDecomposition;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.PoseEncoding;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/** The encodings of a rig's cameras as figures (mouse specification §7.10): the numbers, their likeness, and how both follow the angles between the cameras. */
public final class PoseEncodingFigures {
    private static final int SIDE = 360;
    private static final int PANEL = 420;

    private PoseEncodingFigures() {}

    /** Writes {@code spherical_encoding.png}, {@code extrinsic_encoding.png}, {@code plucker_encoding.png} and {@code encoding_comparison.png}. */
    public static List<Path> write(Path folder, CameraRig rig) throws IOException {
        Files.createDirectories(folder);
        List<Path> files = new ArrayList<>();
        for (PoseEncoding e : PoseEncoding.values()) {
            files.add(folder.resolve(name(e) + "_encoding.png"));
            PngWriter.write(files.getLast(), numbers(e, rig));
        }
        files.add(folder.resolve("encoding_comparison.png"));
        PngWriter.write(files.getLast(), comparison(rig));
        return files;
    }

    private static String name(PoseEncoding e) {
        return e.name().toLowerCase(Locale.ROOT);
    }

    /** The numbers, one row a camera, beside the cosine of every two cameras. */
    private static Image8 numbers(PoseEncoding e, CameraRig rig) {
        int wide = 700;
        Drawing d = new Drawing(wide + SIDE + 130, SIDE + 110);
        d.text(name(e) + " encoding of " + rig.id(), 20, 26, 15, true, Drawing.INK, Drawing.Align.LEFT);
        List<double[]> codes = rig.cameras().stream().map(e::of).toList();
        double most = codes.stream().flatMapToDouble(Arrays::stream).map(Math::abs).max().orElse(1);
        double row = (double) SIDE / rig.size();
        int n = codes.getFirst().length;
        for (int i = 0; i < rig.size(); i++) {
            for (int k = 0; k < n; k++) {
                d.fill(new Rectangle2D.Double(50 + (double) wide * 0.92 * k / n, 60 + i * row, wide * 0.92 / n + 0.5, row + 0.5), Axes.ramp(0.5 + 0.5 * codes.get(i)[k] / most));
            }
            label(d, rig, i, row, 44);
        }
        d.text(n + " numbers of each camera, ±" + String.format(Locale.ROOT, "%.2f", most), 50, 52, 12, false, Drawing.GREY, Drawing.Align.LEFT);
        double[][] likeness = e.similarities(rig);
        double left = wide + 60;
        for (int i = 0; i < rig.size(); i++) {
            for (int j = 0; j < rig.size(); j++) {
                d.fill(new Rectangle2D.Double(left + j * row, 60 + i * row, row + 0.5, row + 0.5), Axes.ramp(0.5 + 0.5 * likeness[i][j]));
                if (rig.size() <= 8) {
                    d.text(String.format(Locale.ROOT, "%.2f", likeness[i][j]), left + (j + 0.5) * row, 64 + (i + 0.5) * row, 12, false,
                            likeness[i][j] > 0.4 ? Drawing.INK : java.awt.Color.WHITE, Drawing.Align.CENTER);
                }
            }
            label(d, rig, i, row, left - 6);
        }
        d.text("cosine of every two cameras, −1 to 1", left, 52, 12, false, Drawing.GREY, Drawing.Align.LEFT);
        d.text("rank correlation of distance and angle: " + correlation(e, rig), 50, SIDE + 90, 13, false, Drawing.INK, Drawing.Align.LEFT);
        return d.image();
    }

    private static void label(Drawing d, CameraRig rig, int i, double row, double x) {
        if (rig.size() <= 16 || i % 4 == 0) {
            d.text(Integer.toString(i), x, 64 + (i + 0.5) * row, 11, false, Drawing.GREY, Drawing.Align.RIGHT);
        }
    }

    private static String correlation(PoseEncoding e, CameraRig rig) {
        return String.format(Locale.ROOT, "%.3f", PoseEncoding.rankCorrelation(PoseEncoding.angles(rig), e.distances(rig)));
    }

    /** Above: distance of the numbers against the angle between the cameras; below: the numbers' two principal directions. */
    private static Image8 comparison(CameraRig rig) {
        PoseEncoding[] all = PoseEncoding.values();
        Drawing d = new Drawing(all.length * PANEL, 2 * SIDE + 30);
        double[][] angles = PoseEncoding.angles(rig);
        for (int k = 0; k < all.length; k++) {
            double[][] distances = all[k].distances(rig);
            double top = Arrays.stream(distances).flatMapToDouble(Arrays::stream).max().orElse(1);
            Axes axes = new Axes(d, k * PANEL, 0, PANEL, SIDE, 0, 185, 0, 1.05 * top).frame(name(all[k]) + ", rank correlation " + correlation(all[k], rig),
                    "angle between two cameras, degrees", "distance", true);
            for (int i = 0; i < rig.size(); i++) {
                for (int j = i + 1; j < rig.size(); j++) {
                    axes.dot(angles[i][j], distances[i][j], 2.5, Drawing.pale(Drawing.COLOURS[k], 150));
                }
            }
            principal(d, k * PANEL, SIDE + 10, distances, Drawing.COLOURS[k]);
        }
        return d.image();
    }

    /** Classical scaling: the two directions in which the cameras' numbers differ most. */
    private static void principal(Drawing d, double left, double top, double[][] distances, java.awt.Color colour) {
        int n = distances.length;
        double[] mean = new double[n];
        double all = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < n; j++) {
                mean[i] += distances[i][j] * distances[i][j] / n;
                all += distances[i][j] * distances[i][j] / n / n;
            }
        }
        double[][] gram = new double[n][n];
        for (int i = 0; i < n; i++) {
            for (int j = 0; j <= i; j++) {
                gram[i][j] = -0.5 * (distances[i][j] * distances[i][j] - mean[i] - mean[j] + all);
                gram[j][i] = gram[i][j];
            }
        }
        EigenDecomposition e = new EigenDecomposition(new Array2DRowRealMatrix(gram));
        double[] x = e.getEigenvector(0).mapMultiply(Math.sqrt(Math.max(0, e.getRealEigenvalue(0)))).toArray();
        double[] y = e.getEigenvector(1).mapMultiply(Math.sqrt(Math.max(0, e.getRealEigenvalue(1)))).toArray();
        double reach = Math.max(1e-9, 1.2 * Math.max(Arrays.stream(x).map(Math::abs).max().orElse(1), Arrays.stream(y).map(Math::abs).max().orElse(1)));
        Axes axes = new Axes(d, left, top, PANEL, SIDE, -reach, reach, -reach, reach).frame("", "first principal direction", "second", true);
        for (int i = 0; i < n; i++) {
            axes.dot(x[i], y[i], 4, colour);
            d.text(Integer.toString(i), axes.x(x[i]) + 6, axes.y(y[i]) + 4, 11, false, Drawing.INK, Drawing.Align.LEFT);
        }
    }
}
