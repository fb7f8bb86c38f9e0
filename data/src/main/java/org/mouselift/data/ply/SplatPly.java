package org.mouselift.data.ply;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;
import org.mouselift.data.AtomicFile;

/** Gaussian splats in PLY files (GS-LRM specification §2.9). */
public final class SplatPly {
    private static final int MAX_REST = 45;
    private static final float SH_C0 = 0.28209479177387814f;

    private SplatPly() {}

    /** How many {@code f_rest} values are written, and where. */
    public enum Padding {
        /** Always 45: coefficient k of channel c at {@code c*15 + k}, zeros elsewhere; every viewer reads it. 239 bytes per row. */
        VIEWER,
        /** Only the coefficients there are: channel-major, none for degree 0. */
        NONE,
        /** As the original writes degrees 1 and 2: the values of {@link #NONE}, then zeros. Breaks the channel stride. */
        ORIGINAL
    }

    /** What to do with rows that no renderer can use: NaN anywhere, infinite position or scale, quaternion of length 0. */
    public enum Invalid {
        /** An error that names the first one. */
        FAIL,
        /** Left out; a zero quaternion becomes the identity. */
        REPAIR
    }

    /**
     * Reads a splat file of any common style. The degree is the smallest that holds every non-zero {@code f_rest} value.
     *
     * @throws PlyException for damaged files, point clouds without splat properties, and rows with invalid values
     */
    public static GaussianCloud read(Path path) throws IOException {
        return read(path, -1, Invalid.FAIL);
    }

    /**
     * Reads a splat file.
     *
     * @param degree 0 to 3: higher coefficients of the file are ignored and missing ones are an error; -1: infer
     */
    public static GaussianCloud read(Path path, int degree, Invalid invalid) throws IOException {
        try (PlyVertices in = PlyVertices.open(path)) {
            return read(in, degree, invalid);
        }
    }

    /** As {@link #read(Path, int, Invalid)}, from an open file. */
    public static GaussianCloud read(PlyVertices in, int degree, Invalid invalid) throws PlyException {
        if (degree < -1 || degree > 3) {
            throw new IllegalArgumentException("ply: degree " + degree + "; expected 0 to 3, or -1 to infer it");
        }
        checkProperties(in);
        int perChannel = restPerChannel(in);
        int count = in.count();
        float[][] rest = new float[degree == 0 ? 0 : 3 * perChannel][];
        List<PlyVertices.Request> requests = new ArrayList<>();
        for (int i = 0; i < rest.length; i++) {
            rest[i] = new float[count];
            requests.add(new PlyVertices.Request("f_rest_" + i, rest[i], 0, 1));
        }
        float[] dc = requested(requests, count, "f_dc_0", "f_dc_1", "f_dc_2");
        float[] xyz = requested(requests, count, "x", "y", "z");
        float[] scaling = requested(requests, count, "scale_0", "scale_1", "scale_2");
        float[] rotation = requested(requests, count, "rot_0", "rot_1", "rot_2", "rot_3");
        float[] opacity = requested(requests, count, "opacity");
        in.read(requests);
        int chosen = degree >= 0 ? degree : usedDegree(rest, perChannel);
        int coefficients = (chosen + 1) * (chosen + 1);
        if (coefficients - 1 > perChannel && chosen > 0) {
            throw new PlyException(in.path(), "element 'vertex'", "has " + 3 * perChannel + " f_rest properties, degree " + chosen + " needs "
                    + 3 * (coefficients - 1), "read it with a lower degree");
        }
        float[] features = new float[Math.multiplyExact(count, 3 * coefficients)];
        for (int c = 0; c < 3; c++) {
            for (int i = 0; i < count; i++) {
                features[i * coefficients * 3 + c] = dc[3 * i + c];
            }
            for (int k = 1; k < coefficients; k++) {
                float[] column = rest[c * perChannel + k - 1];
                for (int i = 0; i < count; i++) {
                    features[(i * coefficients + k) * 3 + c] = column[i];
                }
            }
        }
        GaussianCloud cloud = new GaussianCloud(count, chosen, xyz, features, scaling, rotation, opacity);
        return checked(in.path(), cloud, invalid);
    }

    private static void checkProperties(PlyVertices in) throws PlyException {
        List<String> missing = new ArrayList<>();
        for (String name : List.of("x", "y", "z", "f_dc_0", "f_dc_1", "f_dc_2", "opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3")) {
            if (!in.has(name)) {
                missing.add(name);
            }
        }
        if (missing.isEmpty()) {
            return;
        }
        String remedy = in.has("packed_position") ? "this is a compressed splat file: convert it to a standard PLY first"
                : !in.has("f_dc_0") && !in.has("opacity") ? "this is a point cloud, not splats" : "it has " + in.properties();
        throw new PlyException(in.path(), "element 'vertex'", "lacks the properties " + missing, remedy);
    }

    /** K - 1; the {@code f_rest} properties must be numbered without gaps and be 0, 9, 24 or 45. */
    private static int restPerChannel(PlyVertices in) throws PlyException {
        long named = in.properties().stream().filter(p -> p.startsWith("f_rest_")).count();
        int count = 0;
        while (in.has("f_rest_" + count)) {
            count++;
        }
        if (count != named || count != 0 && count != 9 && count != 24 && count != MAX_REST) {
            throw new PlyException(in.path(), "element 'vertex'", "has " + named + " f_rest properties (numbered 0 to " + (count - 1)
                    + " without a gap)", "expected 0, 9, 24 or 45 for degree 0 to 3");
        }
        return count / 3;
    }

    private static int usedDegree(float[][] rest, int perChannel) {
        int used = 0;
        for (int i = 0; i < rest.length; i++) {
            int coefficient = i % perChannel + 1;
            int needs = coefficient < 4 ? 1 : coefficient < 9 ? 2 : 3;
            if (needs > used) {
                for (float value : rest[i]) {
                    if (value != 0) {
                        used = needs;
                        break;
                    }
                }
            }
        }
        return used;
    }

    /** An array for the given columns side by side, filled when the requests are read. */
    private static float[] requested(List<PlyVertices.Request> requests, int count, String... names) {
        float[] out = new float[Math.multiplyExact(count, names.length)];
        for (int c = 0; c < names.length; c++) {
            requests.add(new PlyVertices.Request(names[c], out, c, names.length));
        }
        return out;
    }

    private static GaussianCloud checked(Path path, GaussianCloud cloud, Invalid invalid) throws PlyException {
        int[] kept = IntStream.range(0, cloud.count()).filter(i -> fault(cloud, i) == null).toArray();
        GaussianCloud valid = cloud;
        if (kept.length < cloud.count()) {
            if (invalid == Invalid.FAIL) {
                int first = IntStream.range(0, cloud.count()).filter(i -> fault(cloud, i) != null).findFirst().orElseThrow();
                throw new PlyException(path, "row " + first, fault(cloud, first) + "; " + (cloud.count() - kept.length) + " of " + cloud.count()
                        + " rows are unusable", "read it with repair to leave them out");
            }
            valid = cloud.select(kept);
        }
        float[] rotation = valid.rotation();
        for (int i = 0; i < valid.count(); i++) {
            if (rotation[4 * i] == 0 && rotation[4 * i + 1] == 0 && rotation[4 * i + 2] == 0 && rotation[4 * i + 3] == 0) {
                if (invalid == Invalid.FAIL) {
                    throw new PlyException(path, "row " + i, "quaternion of length 0", "read it with repair to use the identity");
                }
                rotation[4 * i] = 1;
            }
        }
        return valid;
    }

    /** Infinite logits and scales of 0 occur in other programs' files and have a meaning; the rest has none. */
    private static String fault(GaussianCloud cloud, int i) {
        for (int c = 0; c < 3; c++) {
            if (!Float.isFinite(cloud.xyz()[3 * i + c])) {
                return "position is " + cloud.xyz()[3 * i + c];
            }
            float scale = cloud.scaling()[3 * i + c];
            if (Float.isNaN(scale) || scale == Float.POSITIVE_INFINITY) {
                return "log scale is " + scale;
            }
        }
        for (int c = 0; c < 4; c++) {
            if (!Float.isFinite(cloud.rotation()[4 * i + c])) {
                return "quaternion holds " + cloud.rotation()[4 * i + c];
            }
        }
        int width = 3 * cloud.coefficients();
        for (int c = 0; c < width; c++) {
            if (!Float.isFinite(cloud.features()[i * width + c])) {
                return "colour coefficient is " + cloud.features()[i * width + c];
            }
        }
        return Float.isNaN(cloud.opacity()[i]) ? "opacity is NaN" : null;
    }

    /** The lines of the header that {@link #write} writes. */
    public static List<String> header(int count, int degree, Padding padding) {
        List<String> lines = new ArrayList<>(List.of("ply", "format binary_little_endian 1.0", "element vertex " + count));
        for (String name : List.of("x", "y", "z")) {
            lines.add("property float " + name);
        }
        for (String name : List.of("red", "green", "blue")) {
            lines.add("property uchar " + name);
        }
        List<String> names = new ArrayList<>(List.of("f_dc_0", "f_dc_1", "f_dc_2"));
        IntStream.range(0, restValues(degree, padding)).forEach(i -> names.add("f_rest_" + i));
        names.addAll(List.of("opacity", "scale_0", "scale_1", "scale_2", "rot_0", "rot_1", "rot_2", "rot_3"));
        names.forEach(name -> lines.add("property float " + name));
        lines.add("end_header");
        return lines;
    }

    private static int restValues(int degree, Padding padding) {
        return padding == Padding.NONE ? 3 * ((degree + 1) * (degree + 1) - 1) : MAX_REST;
    }

    /** Writes a file (binary little-endian, colours for point viewers included); it appears under its name only when complete. */
    public static void write(Path path, GaussianCloud cloud, Padding padding) throws IOException {
        byte[] header = (String.join("\n", header(cloud.count(), cloud.degree(), padding)) + "\n").getBytes(StandardCharsets.US_ASCII);
        int rest = restValues(cloud.degree(), padding);
        int rowBytes = 4 * (3 + 3 + rest + 1 + 3 + 4) + 3;
        AtomicFile.write(path, channel -> {
            writeAll(channel, ByteBuffer.wrap(header));
            ByteBuffer block = ByteBuffer.allocateDirect(rowBytes * 4096).order(ByteOrder.LITTLE_ENDIAN);
            float[] restRow = new float[rest];
            for (int i = 0; i < cloud.count(); i++) {
                if (block.remaining() < rowBytes) {
                    writeAll(channel, block.flip());
                    block.clear();
                }
                putRow(block, cloud, i, padding, restRow);
            }
            writeAll(channel, block.flip());
        });
    }

    private static void putRow(ByteBuffer out, GaussianCloud cloud, int i, Padding padding, float[] rest) {
        int coefficients = cloud.coefficients();
        int base = i * coefficients * 3;
        put(out, cloud.xyz(), 3 * i, 3);
        for (int c = 0; c < 3; c++) {
            out.put((byte) (int) Math.max(0, Math.min(255, (SH_C0 * cloud.features()[base + c] + 0.5f) * 255)));
        }
        put(out, cloud.features(), base, 3);
        int stride = padding == Padding.VIEWER ? MAX_REST / 3 : coefficients - 1;
        Arrays.fill(rest, 0);
        for (int c = 0; c < 3; c++) {
            for (int k = 1; k < coefficients; k++) {
                rest[c * stride + k - 1] = cloud.features()[base + 3 * k + c];
            }
        }
        put(out, rest, 0, rest.length);
        out.putFloat(cloud.opacity()[i]);
        put(out, cloud.scaling(), 3 * i, 3);
        put(out, cloud.rotation(), 4 * i, 4);
    }

    private static void put(ByteBuffer out, float[] values, int from, int count) {
        for (int i = 0; i < count; i++) {
            out.putFloat(values[from + i]);
        }
    }

    private static void writeAll(FileChannel channel, ByteBuffer buffer) throws IOException {
        while (buffer.hasRemaining()) {
            channel.write(buffer);
        }
    }
}
