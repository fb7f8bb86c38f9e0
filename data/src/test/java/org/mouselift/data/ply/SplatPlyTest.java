package org.mouselift.data.ply;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

class SplatPlyTest {
    private static final String SPLAT_PROPERTIES = "x y z f_dc_0 f_dc_1 f_dc_2 opacity scale_0 scale_1 scale_2 rot_0 rot_1 rot_2 rot_3";

    @TempDir
    Path folder;

    static GaussianCloud random(int count, int degree, long seed) {
        Random random = new Random(seed);
        int k = (degree + 1) * (degree + 1);
        return new GaussianCloud(count, degree, floats(random, count * 3), floats(random, count * k * 3), floats(random, count * 3), floats(random, count * 4),
                floats(random, count));
    }

    private static float[] floats(Random random, int count) {
        float[] out = new float[count];
        for (int i = 0; i < count; i++) {
            out[i] = (float) random.nextGaussian();
        }
        return out;
    }

    private static void assertSame(GaussianCloud expected, GaussianCloud actual) {
        assertEquals(expected.degree(), actual.degree());
        assertArrayEquals(expected.xyz(), actual.xyz());
        assertArrayEquals(expected.features(), actual.features());
        assertArrayEquals(expected.scaling(), actual.scaling());
        assertArrayEquals(expected.rotation(), actual.rotation());
        assertArrayEquals(expected.opacity(), actual.opacity());
    }

    @ParameterizedTest
    @EnumSource(value = SplatPly.Padding.class, names = {"VIEWER", "NONE"})
    void roundTripInfersTheDegree(SplatPly.Padding padding) throws IOException {
        for (int degree = 0; degree <= 3; degree++) {
            GaussianCloud cloud = random(degree == 2 ? 5000 : 7, degree, degree);
            Path path = folder.resolve("a.ply");
            SplatPly.write(path, cloud, padding);
            assertSame(cloud, SplatPly.read(path));
        }
    }

    @Test
    void viewerFilesHave239BytesPerRowAndThePropertiesOfOtherPrograms() throws IOException {
        Path path = folder.resolve("v.ply");
        SplatPly.write(path, random(3, 1, 1), SplatPly.Padding.VIEWER);
        int header = String.join("\n", SplatPly.header(3, 1, SplatPly.Padding.VIEWER)).length() + 1;
        assertEquals(header + 3 * 239, Files.size(path));
        try (PlyVertices vertices = PlyVertices.open(path)) {
            // Coefficient 1 of green lies at index 15 = one channel of degree 3.
            assertArrayEquals(new float[] {random(3, 1, 1).features()[4]}, new float[] {vertices.column("f_rest_15")[0]});
        }
    }

    @Test
    void requestedDegreesIgnoreHigherCoefficientsAndRefuseMissingOnes() throws IOException {
        Path path = folder.resolve("d.ply");
        GaussianCloud cloud = random(4, 2, 3);
        SplatPly.write(path, cloud, SplatPly.Padding.NONE);
        GaussianCloud lower = SplatPly.read(path, 1, SplatPly.Invalid.FAIL);
        for (int i = 0; i < 4; i++) {
            for (int j = 0; j < 12; j++) {
                assertEquals(cloud.features()[i * 27 + j], lower.features()[i * 12 + j]);
            }
        }
        assertTrue(assertThrows(PlyException.class, () -> SplatPly.read(path, 3, SplatPly.Invalid.FAIL)).getMessage().contains("needs 45"));
    }

    private Path ascii(String properties, int count, String data) throws IOException {
        StringBuilder header = new StringBuilder("ply\nformat ascii 1.0\nelement vertex " + count + "\n");
        for (String name : properties.split(" ")) {
            header.append("property float ").append(name).append('\n');
        }
        return Files.writeString(folder.resolve("t.ply"), header + "end_header\n" + data, StandardCharsets.ISO_8859_1);
    }

    private String refusal(Path path) {
        String message = assertThrows(PlyException.class, () -> SplatPly.read(path)).getMessage();
        assertTrue(message.contains(path.getFileName().toString()), message);
        return message;
    }

    @ParameterizedTest
    @CsvSource({
        "x y z,                          0 0 0, 'this is a point cloud, not splats'",
        "x y z red green blue,           0 0 0 1 1 1, 'this is a point cloud, not splats'",
        "packed_position packed_color,   0 0, 'compressed splat file'",
        "x y z opacity f_dc_0 f_dc_1,    0 0 0 0 0 0, 'f_dc_2, scale_0'",
    })
    void otherContentsAreNamed(String properties, String data, String expected) throws IOException {
        String message = refusal(ascii(properties, 1, data));
        assertTrue(message.contains(expected), message);
    }

    @Test
    void unusableRowsAreErrorsOrLeftOut() throws IOException {
        String good = "1 2 3 .1 .2 .3 4 -1 -2 -3 1 0 0 0\n";
        Path path = ascii(SPLAT_PROPERTIES, 4, good + good.replace("1 2 3", "nan 2 3") + good.replace("1 0 0 0", "0 0 0 0") + good.replace("3 4", "3 inf"));
        assertTrue(refusal(path).matches(".*row 1: position is NaN.*1 of 4.*"));
        GaussianCloud repaired = SplatPly.read(path, -1, SplatPly.Invalid.REPAIR);
        assertEquals(3, repaired.count());
        assertArrayEquals(new float[] {1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0}, repaired.rotation());
        assertEquals(Float.POSITIVE_INFINITY, repaired.opacity()[2]);
        assertTrue(refusal(ascii(SPLAT_PROPERTIES, 1, good.replace("1 0 0 0", "0 0 0 0"))).contains("length 0"));
    }

    @Test
    void damagedAsciiNamesRowPropertyAndByte() throws IOException {
        assertTrue(refusal(ascii(SPLAT_PROPERTIES, 1, "1 2 3 .1 .2 x3 4 -1 -2 -3 1 0 0 0\n")).matches(".*row 0: property 'f_dc_2' is 'x3', not a number \\(byte \\d+\\).*"));
        assertTrue(refusal(ascii(SPLAT_PROPERTIES, 2, "1 2 3 .1 .2 .3 4 -1 -2 -3 1 0 0 0\n1 2 3\n")).contains("file is truncated"));
        assertTrue(refusal(ascii(SPLAT_PROPERTIES, 2_000_000_000, "1 2 3\n")).contains("declares 2000000000 rows"));
    }

    @Test
    void elementsBeforeTheVerticesAreSkipped() throws IOException {
        GaussianCloud cloud = random(3, 0, 8);
        Path plain = folder.resolve("p.ply");
        SplatPly.write(plain, cloud, SplatPly.Padding.NONE);
        byte[] all = Files.readAllBytes(plain);
        int header = String.join("\n", SplatPly.header(3, 0, SplatPly.Padding.NONE)).length() + 1;
        String text = new String(all, 0, header, StandardCharsets.US_ASCII).replace("element vertex",
                "element camera 2\nproperty double t\nproperty list uchar short ids\nelement vertex");
        java.nio.ByteBuffer out = java.nio.ByteBuffer.allocate(text.length() + 100 + all.length).order(java.nio.ByteOrder.LITTLE_ENDIAN);
        out.put(text.getBytes(StandardCharsets.US_ASCII)).putDouble(1).put((byte) 2).putShort((short) 7).putShort((short) 8).putDouble(2).put((byte) 0);
        out.put(all, header, all.length - header);
        byte[] file = java.util.Arrays.copyOf(out.array(), out.position());
        assertSame(cloud, SplatPly.read(Files.write(folder.resolve("q.ply"), file)));
    }

    @Test
    void sixDecimalsAreThoseOfTheExactValue() {
        assertEquals("0.100000", PointObj.sixDecimals(0.1f));
        assertEquals("-0.000000", PointObj.sixDecimals(-1e-9));
        assertEquals("-0.000000", PointObj.sixDecimals(-0.0));
        assertEquals("0.000000", PointObj.sixDecimals(0.0000005));
        assertEquals("0.000001", PointObj.sixDecimals(Math.nextUp(0.0000005)));
        assertEquals("1234567.250000", PointObj.sixDecimals(1234567.25));
    }

    @Test
    void filtersWithoutConditionsKeepEverythingAndPresetsNest() {
        GaussianCloud cloud = random(500, 0, 4);
        for (int i = 0; i < 1500; i++) {
            cloud.xyz()[i] *= 0.5f;
            cloud.scaling()[i] -= 3;
        }
        assertEquals(500, new GaussianFilter(0, null, null, null, null).kept(cloud).length);
        int[] inference = GaussianFilter.INFERENCE.kept(cloud);
        int[] web = GaussianFilter.WEB.kept(cloud);
        assertTrue(inference.length > 0 && inference.length < web.length && web.length < 500);
        assertEquals(inference.length, GaussianFilter.INFERENCE.apply(cloud).count());
        assertThrows(IllegalArgumentException.class, () -> new GaussianFilter(0, null, null, new float[5], null));
    }
}
