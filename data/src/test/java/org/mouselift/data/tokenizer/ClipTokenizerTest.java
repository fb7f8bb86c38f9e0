package org.mouselift.data.tokenizer;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClipTokenizerTest {
    private static final String SPECIALS = "{\"bos_token\":\"<|startoftext|>\",\"eos_token\":{\"content\":\"<|endoftext|>\"},\"unk_token\":\"<|endoftext|>\",\"pad_token\":\"!\"}";

    @TempDir
    Path folder;

    private ClipTokenizer small() throws IOException {
        Files.writeString(folder.resolve("vocab.json"), "{\"!\":0,\"a\":1,\"b\":2,\"b</w>\":3,\"ab</w>\":4,\"ab\":5,\"abab</w>\":6,\"<|startoftext|>\":7,\"<|endoftext|>\":8}");
        Files.writeString(folder.resolve("merges.txt"), "#version\na b</w>\na b\nab ab</w>\n");
        Files.writeString(folder.resolve("special_tokens_map.json"), SPECIALS);
        return ClipTokenizer.read(folder);
    }

    @Test
    void mergesByRankAndCutsKeepingTheEnd() throws IOException {
        ClipTokenizer t = small();
        assertEquals(List.of("ab</w>", "abab</w>", "!", "ab", "b</w>"), t.tokens("AB\u200b  ABab!abb"));
        assertArrayEquals(new int[] {7, 4, 6, 8}, t.ids("ab abab"));
        assertArrayEquals(new int[] {7, 4, 8}, t.ids("ab abab", 3));
        assertArrayEquals(new int[] {7, 4, 8, 0, 0}, t.ids("ab", 5));
        assertArrayEquals(new int[] {7, 8, 8}, t.ids("z"));
    }

    @Test
    void filesThatDoNotBelongTogetherAreRefused() throws IOException {
        small();
        Files.writeString(folder.resolve("merges.txt"), "#version\na b</w>\na a\n");
        assertTrue(assertThrows(IOException.class, () -> ClipTokenizer.read(folder)).getMessage().contains("line 3"));
        Files.delete(folder.resolve("merges.txt"));
        assertTrue(assertThrows(IOException.class, () -> ClipTokenizer.read(folder)).getMessage().contains("merges.txt does not exist"));
    }

    @Test
    void specificationVectors() throws IOException {
        Path real = Path.of(System.getProperty("mouselift.shared", "")).resolve("real").resolve("clip").resolve("tokenizer");
        Assumptions.assumeTrue(Files.isDirectory(real), "SKIPPED: no real/clip/tokenizer below the property mouselift.shared");
        ClipTokenizer t = ClipTokenizer.read(real);
        assertArrayEquals(new int[] {49406, 320, 21339, 2867, 539, 274, 323, 6176, 267, 2184, 1093, 267, 3140, 3923, 269, 49407},
                t.ids("a rendering image of 3D models, front view, color map."));
        assertArrayEquals(new int[] {49406, 1097, 35689, 563, 15304, 2005, 847, 713, 0, 272, 273, 274, 19030, 568, 49407}, t.ids("Naïve café — don't! 123 mice's"));
    }
}
