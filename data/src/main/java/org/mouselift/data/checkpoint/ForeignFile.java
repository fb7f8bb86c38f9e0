package org.mouselift.data.checkpoint;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;

/** What a file that is no checkpoint looks like, for messages: what was downloaded instead of weights, or another library's format. */
public final class ForeignFile {
    private static final int TAR_MAGIC = 257;

    private ForeignFile() {}

    /** What the file is and what to do; {@code this is not a checkpoint} where its first bytes say nothing. */
    public static String hint(Path file) throws IOException {
        byte[] head;
        try (var in = Files.newInputStream(file)) {
            head = in.readNBytes(512);
        }
        String text = new String(head, StandardCharsets.ISO_8859_1);
        String start = text.stripLeading().toLowerCase(java.util.Locale.ROOT);
        if (head.length == 0) {
            return "the file is empty";
        }
        if (text.startsWith("version https://git-lfs")) {
            return "this is a pointer of Git LFS, not the file itself: git lfs pull fetches it";
        }
        if (start.startsWith("<!doctype") || start.startsWith("<html") || start.startsWith("<?xml")) {
            return "this is a web page, not the file: the download asked for a login or its address is wrong";
        }
        if (text.startsWith("ustar", TAR_MAGIC)) {
            return "this is a tar archive: unpack it; a file of PyTorch before 0.1.10, which was one, must be saved again with a later version";
        }
        if (text.startsWith("\u001f\u008b")) {
            return "this is a gzip archive: unpack it first";
        }
        if (text.startsWith("\u0089HDF")) {
            return "this is an HDF5 file; only safetensors and PyTorch files are read";
        }
        if (text.startsWith("GGUF")) {
            return "this is a GGUF file; only safetensors and PyTorch files are read";
        }
        if (text.startsWith("\u0093NUMPY")) {
            return "this is a NumPy array; only safetensors and PyTorch files are read";
        }
        if (text.startsWith("\u00ef\u00bb\u00bf")) {
            return "it begins with a byte order mark, which an editor put there: copy the file again";
        }
        return "this is not a checkpoint";
    }
}
