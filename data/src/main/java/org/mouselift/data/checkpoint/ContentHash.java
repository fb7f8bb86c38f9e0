package org.mouselift.data.checkpoint;

import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** SHA-256 of files and of tensors' bytes. */
public final class ContentHash {
    private static final int BLOCK = 1 << 20;

    private ContentHash() {}

    /** SHA-256 of a whole file, in hexadecimal. */
    public static String ofFile(Path file) throws IOException {
        MessageDigest digest = digest();
        byte[] block = new byte[BLOCK];
        try (InputStream in = Files.newInputStream(file)) {
            for (int n = in.read(block); n >= 0; n = in.read(block)) {
                digest.update(block, 0, n);
            }
        }
        return hex(digest);
    }

    /** SHA-256 of bytes in memory, in hexadecimal. */
    public static String ofBytes(MemorySegment bytes) {
        MessageDigest digest = digest();
        update(digest, bytes);
        return hex(digest);
    }

    static MessageDigest digest() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every Java platform has SHA-256", e);
        }
    }

    static void update(MessageDigest digest, MemorySegment bytes) {
        for (long at = 0; at < bytes.byteSize(); at += BLOCK) {
            digest.update(bytes.asSlice(at, Math.min(BLOCK, bytes.byteSize() - at)).asByteBuffer());
        }
    }

    static String hex(MessageDigest digest) {
        return HexFormat.of().formatHex(digest.digest());
    }
}
