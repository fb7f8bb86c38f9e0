package org.mouselift.data.dataset;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.zip.ZipEntry;
import java.util.zip.ZipException;
import java.util.zip.ZipFile;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/** {@code vertical_lines.npz} of a data set: the measured up direction of its world (GS-LRM specification §5.4). */
final class VerticalLines {
    static final String FILE_NAME = "vertical_lines.npz";
    private static final String ENTRY = "up_direction.npy";
    private static final int MAX_BYTES = 4096;
    private static final Pattern HEADER = Pattern.compile("'descr':\\s*'([<>])f([48])'.*'shape':\\s*\\(3,\\)", Pattern.DOTALL);

    private VerticalLines() {}

    /** The array {@code up_direction}: three float32 or float64 numbers, not all zero. */
    static Vector3D upDirection(Path file) throws IOException {
        byte[] npy;
        try (ZipFile zip = new ZipFile(file.toFile())) {
            ZipEntry entry = zip.getEntry(ENTRY);
            if (entry == null) {
                throw fault(file, "has no array 'up_direction'");
            }
            try (InputStream in = zip.getInputStream(entry)) {
                npy = in.readNBytes(MAX_BYTES);
            }
        } catch (ZipException e) {
            throw new DatasetException(null, file, "is not a readable npz archive: " + e.getMessage(), "remove the file to have the up direction estimated", e);
        }
        if (npy.length < 12 || npy[0] != (byte) 0x93 || !new String(npy, 1, 5, StandardCharsets.ISO_8859_1).equals("NUMPY")) {
            throw fault(file, "'up_direction' is not a numpy array");
        }
        ByteBuffer in = ByteBuffer.wrap(npy).order(ByteOrder.LITTLE_ENDIAN);
        int start = npy[6] == 1 ? 10 : 12;
        long headerBytes = npy[6] == 1 ? in.getShort(8) & 0xFFFF : in.getInt(8) & 0xFFFF_FFFFL;
        if (headerBytes > npy.length - start) {
            throw fault(file, "'up_direction' has a damaged header");
        }
        Matcher header = HEADER.matcher(new String(npy, start, (int) headerBytes, StandardCharsets.ISO_8859_1));
        if (!header.find()) {
            throw fault(file, "'up_direction' is not an array of three float32 or float64 numbers");
        }
        int width = Integer.parseInt(header.group(2));
        int at = start + (int) headerBytes;
        if (npy.length - at < 3 * width) {
            throw fault(file, "'up_direction' ends early");
        }
        in.order(header.group(1).equals("<") ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        double[] up = new double[3];
        for (int i = 0; i < 3; i++) {
            up[i] = width == 4 ? in.getFloat(at + 4 * i) : in.getDouble(at + 8 * i);
        }
        Vector3D direction = new Vector3D(up[0], up[1], up[2]);
        if (!(direction.getNorm() > 0) || direction.isInfinite()) {
            throw fault(file, "'up_direction' is " + java.util.Arrays.toString(up));
        }
        return direction;
    }

    private static DatasetException fault(Path file, String problem) {
        return new DatasetException(null, file, problem, "remove the file to have the up direction estimated");
    }
}
