package org.mouselift.data.recording;

import java.io.ByteArrayOutputStream;
import javax.imageio.plugins.jpeg.JPEGHuffmanTable;

/** The typical Huffman tables of ITU-T T.81, annex K.3, as a JPEG segment. */
final class StandardHuffmanTables {
    /** Marker DHT, length and the four tables. */
    static final byte[] SEGMENT = segment();

    private StandardHuffmanTables() {}

    private static byte[] segment() {
        ByteArrayOutputStream tables = new ByteArrayOutputStream();
        table(tables, 0x00, JPEGHuffmanTable.StdDCLuminance);
        table(tables, 0x10, JPEGHuffmanTable.StdACLuminance);
        table(tables, 0x01, JPEGHuffmanTable.StdDCChrominance);
        table(tables, 0x11, JPEGHuffmanTable.StdACChrominance);
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        int length = tables.size() + 2;
        out.write(0xFF);
        out.write(0xC4);
        out.write(length >> 8);
        out.write(length);
        out.writeBytes(tables.toByteArray());
        return out.toByteArray();
    }

    private static void table(ByteArrayOutputStream out, int id, JPEGHuffmanTable table) {
        out.write(id);
        short[] lengths = table.getLengths();
        for (int i = 0; i < 16; i++) {
            out.write(i < lengths.length ? lengths[i] : 0);
        }
        for (short v : table.getValues()) {
            out.write(v);
        }
    }
}
