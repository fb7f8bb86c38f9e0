package org.mouselift.data.image;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.List;
import java.util.zip.CRC32;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tag;

/** Damaged PNG and JPEG files: a picture of the declared size or a typed error, nothing else. */
class ImageFuzzTest {
    private static final ImageLimits LIMITS = new ImageLimits(1 << 22, 1 << 20);
    private static final List<byte[]> SEEDS = List.of(
            PngWriter.encode(PngTest.noise(9, 7, 3, 1)), PngWriter.encode(PngTest.noise(40, 3, 4, 2)), PngWriter.encode(Image8.blank(200, 100, 1)),
            PngWriter.encode(new Image16(5, 4, 2, new short[40])), PngTest.assemble(4, 1, 2, 3, new byte[] {0, 27}, "PLTE", new byte[12], "tRNS", new byte[2]));

    record Mutation(int at, int value, boolean repairCheckSums, int keep) {}

    @Provide
    Arbitrary<List<Mutation>> mutations() {
        return Combinators.combine(Arbitraries.integers().between(0, 1 << 20), Arbitraries.integers().between(0, 255), Arbitraries.of(true, true, false),
                Arbitraries.integers().between(0, 4000)).as(Mutation::new).list().ofMinSize(1).ofMaxSize(6);
    }

    @Property(tries = 4000)
    void onlyTypedErrors(@ForAll("mutations") List<Mutation> mutations, @ForAll("seeds") byte[] seed) {
        check(mutations, seed);
    }

    @Tag("slow")
    @Property(tries = 300_000)
    void onlyTypedErrorsLong(@ForAll("mutations") List<Mutation> mutations, @ForAll("seeds") byte[] seed) {
        check(mutations, seed);
    }

    @Provide
    Arbitrary<byte[]> seeds() {
        return Arbitraries.of(SEEDS);
    }

    @Property(tries = 400)
    void onlyTypedErrorsFromJpeg(@ForAll("mutations") List<Mutation> mutations) throws IOException {
        check(mutations, JpegTest.withOrientation(JpegTest.quadrants(32, 16, BufferedImage.TYPE_3BYTE_BGR), 6, ByteOrder.BIG_ENDIAN));
    }

    @Tag("slow")
    @Property(tries = 100_000)
    void onlyTypedErrorsFromJpegLong(@ForAll("mutations") List<Mutation> mutations) throws IOException {
        check(mutations, JpegTest.withOrientation(JpegTest.quadrants(32, 16, BufferedImage.TYPE_3BYTE_BGR), 6, ByteOrder.BIG_ENDIAN));
    }

    private static void check(List<Mutation> mutations, byte[] seed) {
        byte[] file = seed.clone();
        for (Mutation m : mutations) {
            file[8 + m.at % (file.length - 8)] = (byte) m.value;
        }
        Mutation last = mutations.getLast();
        if (last.keep < file.length && last.keep % 3 == 0) {
            file = Arrays.copyOf(file, last.keep);
        }
        if (last.repairCheckSums) {
            repair(file);
        }
        try {
            Image image = Images.decode("fuzzed-file", file, LIMITS);
            if (image.to8().data().length != image.width() * image.height() * image.channels()) {
                throw new AssertionError("picture of the wrong size");
            }
        } catch (ImageFormatException expected) {
            if (expected.getMessage().length() < 20) {
                throw new AssertionError("error without words: " + expected.getMessage());
            }
        }
    }

    /** Makes the check sums right again, so that damage reaches the decoder behind them. */
    private static void repair(byte[] file) {
        ByteBuffer in = ByteBuffer.wrap(file);
        int position = 8;
        while (position + 12 <= file.length) {
            int length = in.getInt(position);
            if (length < 0 || length > file.length - position - 12) {
                return;
            }
            CRC32 crc = new CRC32();
            crc.update(file, position + 4, length + 4);
            in.putInt(position + 8 + length, (int) crc.getValue());
            position += 12 + length;
        }
    }
}
