package org.mouselift.tests.formats;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** A PyTorch file that names every global the reader allows, assembled by hand: the writer of this project uses few of them. */
final class SettingsFile {
    private final ByteArrayOutputStream pickle = new ByteArrayOutputStream();

    private SettingsFile() {}

    static Path write(Path file) throws IOException {
        SettingsFile f = new SettingsFile();
        f.op(0x80, 4).op('}', '(');
        f.text("size").global("torch", "Size").op(']', '(', 'K', 2, 'K', 3, 'e', 0x85, 'R');
        f.text("dtype").global("torch", "float16");
        f.text("device").global("torch", "device").text("cuda").op('K', 1, 0x86, 'R');
        f.text("state").global("collections", "defaultdict").global("builtins", "dict").op(0x85, 'R').text("step").op('K', 7, 's');
        f.text("ordered").global("collections", "OrderedDict").op(']', '(').text("k").op('K', 1, 0x86, 'e', 0x85, 'R');
        f.text("set").global("builtins", "set").op(']', '(', 'K', 5, 'K', 6, 'e', 0x85, 'R').text("four").op(0x8f, '(', 'K', 1, 0x90).text("frozen").op('(', 'K', 2, 0x91);
        f.text("number").global("numpy._core.multiarray", "scalar").type("f8").op('C', 8, 0, 0, 0, 0, 0, 0, 0xf8, 0x3f, 0x86, 'R');
        f.text("array").global("numpy.core.multiarray", "_reconstruct").global("numpy", "ndarray").op('K', 0, 0x85, 'C', 1, 'b', 0x87, 'R', '(', 'K', 1, 'K', 2, 0x85)
                .type("u1").op(0x89).global("_codecs", "encode").text("xy").text("latin1").op(0x86, 'R', 't', 'b');
        f.text("buffer").global("numpy.core.numeric", "_frombuffer").op('(', 'C', 4, 1, 2, 3, 4).type("i2").op('K', 2, 0x85).text("C").op('t', 'R');
        f.text("first").global("torch._utils", "_rebuild_tensor").op('(').storage("FloatStorage", 6).op('K', 1).op('K', 2, 'K', 2, 0x86, 'K', 1, 'K', 2, 0x86, 't', 'R');
        f.text("bytes").global("torch._utils", "_rebuild_tensor_v3").op('(').storage("UntypedStorage", 24).op('K', 0, 'K', 12, 0x85, 'K', 1, 0x85, 0x89).dict().global("torch", "uint16").op('t', 'R');
        f.text("parameter").global("torch._utils", "_rebuild_parameter_with_state").op('(').plain().op(0x88).dict().op('}', 't', 'R');
        f.text("attributes").global("torch._tensor", "_rebuild_from_type_v2").op('(').global("torch._utils", "_rebuild_tensor_v2").global("torch.nn.parameter", "Parameter")
                .op('(').storage("FloatStorage", 6).op('K', 0, 'K', 6, 0x85, 'K', 1, 0x85, 0x89).dict().op('t', '}', 't', 'R');
        f.op('u', '.');
        try (ZipOutputStream zip = new ZipOutputStream(Files.newOutputStream(file))) {
            zip.setMethod(ZipOutputStream.STORED);
            f.entry(zip, "settings/data.pkl", f.pickle.toByteArray());
            f.entry(zip, "settings/data/0", new byte[24]);
        }
        return file;
    }

    private void entry(ZipOutputStream zip, String name, byte[] content) throws IOException {
        ZipEntry entry = new ZipEntry(name);
        CRC32 crc = new CRC32();
        crc.update(content);
        entry.setCrc(crc.getValue());
        entry.setSize(content.length);
        zip.putNextEntry(entry);
        zip.write(content);
    }

    private SettingsFile op(int... bytes) {
        for (int b : bytes) {
            pickle.write(b);
        }
        return this;
    }

    private SettingsFile text(String s) {
        byte[] b = s.getBytes(StandardCharsets.UTF_8);
        op('X');
        pickle.writeBytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(b.length).array());
        pickle.writeBytes(b);
        return this;
    }

    private SettingsFile global(String module, String name) {
        pickle.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.UTF_8));
        return this;
    }

    private SettingsFile type(String code) {
        return global("numpy", "dtype").text(code).op(0x89, 0x88, 0x87, 'R', '(', 'K', 3).text(code.endsWith("1") ? "|" : "<").op('N', 'N', 'N', 'K', 0, 'K', 0, 'K', 0, 't', 'b');
    }

    private SettingsFile storage(String type, int count) {
        return op('(').text("storage").global("torch", type).text("0").text("cuda:0").op('K', count, 't', 'Q');
    }

    private SettingsFile dict() {
        return global("collections", "OrderedDict").op(')', 'R');
    }

    private SettingsFile plain() {
        return global("torch._utils", "_rebuild_tensor_v2").op('(').storage("FloatStorage", 6).op('K', 0, 'K', 6, 0x85, 'K', 1, 0x85, 0x89).dict().op('t', 'R');
    }
}
