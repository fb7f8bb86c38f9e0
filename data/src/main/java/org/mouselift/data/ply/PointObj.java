package org.mouselift.data.ply;

import java.io.IOException;
import java.math.BigDecimal;
import java.math.RoundingMode;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.mouselift.data.AtomicFile;

/** Gaussian centres as an OBJ point list (GS-LRM specification §2.10). */
public final class PointObj {
    private PointObj() {}

    /** Writes the vertices of a PLY file, with colours where it has {@code red green blue}; {@code source} goes into the first comment. */
    public static void convert(Path ply, String source, Path obj) throws IOException {
        byte[] text = text(ply, source).getBytes(StandardCharsets.UTF_8);
        AtomicFile.write(obj, channel -> {
            ByteBuffer buffer = ByteBuffer.wrap(text);
            while (buffer.hasRemaining()) {
                channel.write(buffer);
            }
        });
    }

    /** The file's content. */
    public static String text(Path ply, String source) throws IOException {
        try (PlyVertices in = PlyVertices.open(ply)) {
            boolean coloured = in.has("red") && in.has("green") && in.has("blue");
            float[][] columns = new float[coloured ? 6 : 3][];
            String[] names = {"x", "y", "z", "red", "green", "blue"};
            for (int c = 0; c < columns.length; c++) {
                columns[c] = in.column(names[c]);
            }
            StringBuilder text = new StringBuilder("# Converted from ").append(source).append("\n# ").append(in.count()).append(" vertices\n");
            for (int i = 0; i < in.count(); i++) {
                text.append('v');
                for (int c = 0; c < columns.length; c++) {
                    text.append(' ').append(sixDecimals(c < 3 ? columns[c][i] : columns[c][i] / 255.0));
                }
                text.append('\n');
            }
            return text.toString();
        }
    }

    /** The exact binary value rounded to six decimals, ties to even, as C's printf does; the sign of zero is kept. */
    static String sixDecimals(double value) {
        if (!Double.isFinite(value)) {
            return Double.isNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }
        String text = new BigDecimal(value).setScale(6, RoundingMode.HALF_EVEN).toPlainString();
        return text.charAt(0) != '-' && Double.doubleToRawLongBits(value) < 0 ? "-" + text : text;
    }
}
