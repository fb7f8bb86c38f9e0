package org.mouselift.data.recording;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.MammalCamera;

/**
 * Writes {@code new_cam.pkl} (mouse specification §2.2): a list of dictionaries with the float64 arrays {@code K} (3,3),
 * {@code R} (3,3) and {@code T} (3,1), as NumPy 1 pickles them under protocol 3.
 */
public final class CalibrationPickle {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();

    private CalibrationPickle() {}

    public static void write(Path file, List<MammalCamera> cameras) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(encode(cameras));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** The file in memory. */
    public static byte[] encode(List<MammalCamera> cameras) {
        CalibrationPickle p = new CalibrationPickle();
        p.op(0x80).op(3).op(']').op('(');
        for (MammalCamera c : cameras) {
            p.op('}').op('(');
            p.text("K").array(flat(c.k().toArray()), 3, 3);
            p.text("R").array(flat(c.r().toArray()), 3, 3);
            p.text("T").array(c.t().toArray(), 3, 1);
            p.op('u');
        }
        p.op('e').op('.');
        return p.out.toByteArray();
    }

    private static double[] flat(double[][] m) {
        double[] out = new double[9];
        for (int i = 0; i < 9; i++) {
            out[i] = m[i / 3][i % 3];
        }
        return out;
    }

    private CalibrationPickle op(int code) {
        out.write(code);
        return this;
    }

    private CalibrationPickle text(String s) {
        byte[] utf8 = s.getBytes(StandardCharsets.UTF_8);
        op('X').int32(utf8.length);
        out.writeBytes(utf8);
        return this;
    }

    private CalibrationPickle global(String module, String name) {
        out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
        return this;
    }

    private void int32(int v) {
        out.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(v).array());
    }

    private CalibrationPickle small(int v) {
        return op('K').op(v);
    }

    /** {@code _reconstruct(ndarray, (0,), b'b')}, then the state (1, shape, dtype('<f8'), False, data). */
    private void array(double[] values, int rows, int columns) {
        global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray").small(0).op(0x85).op('C').op(1).op('b').op(0x87).op('R');
        op('(').small(1).small(rows).small(columns).op(0x86);
        global("numpy", "dtype").text("f8").small(0).small(1).op(0x87).op('R');
        op('(').small(3).text("<").op('N').op('N').op('N');
        op('J').int32(-1);
        op('J').int32(-1);
        small(0).op('t').op('b');
        op(0x89);
        ByteBuffer data = ByteBuffer.allocate(8 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        for (double v : values) {
            data.putDouble(v);
        }
        op('C').op(data.capacity());
        out.writeBytes(data.array());
        op('t').op('b');
    }
}
