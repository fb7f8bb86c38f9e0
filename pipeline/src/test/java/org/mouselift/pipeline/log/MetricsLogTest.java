package org.mouselift.pipeline.log;

import org.mouselift.data.image.Image8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.pipeline.log.MetricsLog.Row;

class MetricsLogTest {
    @TempDir
    Path folder;

    private static Map<String, Double> values(Object... pairs) {
        Map<String, Double> values = new LinkedHashMap<>();
        for (int i = 0; i < pairs.length; i += 2) {
            values.put((String) pairs[i], (Double) pairs[i + 1]);
        }
        return values;
    }

    @Test
    void linesAndTableHoldTheSameAndGrowNewColumns() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder)) {
            log.scalars(1, values("train/loss", 0.5, "metrics/lr", 1e-5));
            log.scalars(2, values("train/loss", Double.NaN, "metrics/lr", 2e-5));
            log.scalars(2, values("val/psnr", 21.25));
            log.scalars(3, values("train/loss", 0.25, "metrics/lr", 3e-5));
        }
        assertEquals(List.of("step,train/loss,metrics/lr,val/psnr", "1,0.5,1.0E-5,", "2,NaN,2.0E-5,", "2,,,21.25", "3,0.25,3.0E-5,"),
                Files.readAllLines(folder.resolve("metrics.csv")));
        List<Row> rows = MetricsLog.read(folder.resolve("metrics.jsonl"));
        assertEquals(new Row(1, values("train/loss", 0.5, "metrics/lr", 1e-5)), rows.getFirst());
        assertTrue(Double.isNaN(rows.get(1).values().get("train/loss")));
        assertEquals(4, rows.size());
    }

    @Test
    void aResumedRunContinuesAfterItsStepAndForgetsWhatCameLater() throws IOException {
        try (MetricsLog log = MetricsLog.create(folder)) {
            for (long step = 1; step <= 5; step++) {
                log.scalars(step, values("train/loss", 1.0 / step));
            }
        }
        // The interruption cut the last line off.
        Files.writeString(folder.resolve("metrics.jsonl"), "{\"step\":6,\"train/lo", StandardOpenOption.APPEND);
        try (MetricsLog log = MetricsLog.resume(folder, 3)) {
            log.scalars(4, values("train/loss", 9.0));
        }
        assertEquals(List.of(1L, 2L, 3L, 4L), MetricsLog.read(folder.resolve("metrics.jsonl")).stream().map(Row::step).toList());
        assertEquals(List.of("step,train/loss", "1,1.0", "2,0.5", "3,0.3333333333333333", "4,9.0"), Files.readAllLines(folder.resolve("metrics.csv")));
        assertThrows(IOException.class, () -> MetricsLog.create(folder), "another run's log must not be overwritten");
    }

    @Test
    void aBrokenLineInTheMiddleIsNamed() throws IOException {
        Path file = Files.writeString(folder.resolve("metrics.jsonl"), "{\"step\":1}\n{\"ste\n{\"step\":2}\n");
        assertTrue(assertThrows(IOException.class, () -> MetricsLog.read(file)).getMessage().contains("metrics.jsonl:2"));
    }

    @Test
    void eventFileHoldsScalarsAndPicturesInRecordsWithValidChecksums() throws IOException {
        Path file;
        byte[] rgb = new byte[3 * 4 * 2];
        rgb[0] = (byte) 200;
        try (MetricsLog log = MetricsLog.create(folder)) {
            log.scalars(7, values("train/loss", 0.5, "metrics/lr", 0.25));
            log.image(300, "images/train/input_0", new Image8(4, 2, 3, rgb));
        }
        try (var files = Files.list(folder)) {
            file = files.filter(path -> path.getFileName().toString().startsWith("events.out.tfevents.")).findFirst().orElseThrow();
        }
        List<Fields> events = events(Files.readAllBytes(file));
        assertEquals(3, events.size());
        assertEquals("brain.Event:2", new String(events.get(0).bytes(3)));

        assertEquals(7, events.get(1).number(2));
        List<Fields> scalars = events.get(1).message(5).messages(1);
        assertEquals("train/loss", new String(scalars.get(0).bytes(1)));
        assertEquals(0.5f, Float.intBitsToFloat((int) scalars.get(0).number(2)));
        assertEquals("metrics/lr", new String(scalars.get(1).bytes(1)));

        assertEquals(300, events.get(2).number(2));
        Fields image = events.get(2).message(5).message(1).message(4);
        assertEquals(2, image.number(1), "height");
        assertEquals(4, image.number(2), "width");
        BufferedImage picture = ImageIO.read(new ByteArrayInputStream(image.bytes(4)));
        assertEquals(0xc80000, picture.getRGB(0, 0) & 0xffffff);
    }

    @Test
    void checksumHasThePublishedValue() {
        // RFC 3720 gives CRC-32C("123456789") = e3069283; TFRecord rotates right by 15 and adds a282ead8.
        assertEquals(Integer.rotateRight(0xe3069283, 15) + 0xa282ead8, TensorBoardWriter.maskedCrc("123456789".getBytes(), 0, 9));
    }

    @Test
    void curvesAreDrawnForEveryMetric() throws IOException {
        List<Row> rows = new ArrayList<>();
        for (long step = 0; step < 500; step++) {
            double loss = Math.exp(-step / 60.0) + 0.002 + 0.001 * Math.sin(step * 1.7);
            rows.add(new Row(step, values("train/loss", loss, "train/psnr", 15 + step * 0.02)));
            if (step % 50 == 0) {
                rows.add(new Row(step, values("val/psnr", 14 + step * 0.018)));
            }
        }
        List<Path> files = MetricCurves.write(rows, folder);
        assertEquals(List.of("loss.png", "psnr.png"), files.stream().map(file -> file.getFileName().toString()).toList());
        BufferedImage psnr = ImageIO.read(files.get(1).toFile());
        assertEquals(900, psnr.getWidth());
        // Training is drawn in blue, validation in orange.
        assertTrue(count(psnr, 0x1f77b4) > 200 && count(psnr, 0xd95f02) > 200, "both curves are visible");
    }

    private static int count(BufferedImage image, int colour) {
        int count = 0;
        for (int y = 0; y < image.getHeight(); y++) {
            for (int x = 0; x < image.getWidth(); x++) {
                count += (image.getRGB(x, y) & 0xffffff) == colour ? 1 : 0;
            }
        }
        return count;
    }

    /** The fields of a protocol buffer, read without the writer's code. */
    private record Fields(Map<Integer, List<Object>> values) {
        static Fields parse(byte[] bytes) {
            ByteBuffer in = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            Map<Integer, List<Object>> values = new LinkedHashMap<>();
            while (in.hasRemaining()) {
                long tag = varint(in);
                Object value = switch ((int) (tag & 7)) {
                    case 0 -> varint(in);
                    case 1 -> in.getLong();
                    case 5 -> (long) in.getInt();
                    case 2 -> {
                        byte[] part = new byte[(int) varint(in)];
                        in.get(part);
                        yield part;
                    }
                    default -> throw new AssertionError("wire type of tag " + tag);
                };
                values.computeIfAbsent((int) (tag >> 3), key -> new ArrayList<>()).add(value);
            }
            return new Fields(values);
        }

        private static long varint(ByteBuffer in) {
            long value = 0;
            for (int shift = 0;; shift += 7) {
                byte next = in.get();
                value |= (long) (next & 0x7f) << shift;
                if (next >= 0) {
                    return value;
                }
            }
        }

        long number(int field) {
            return (Long) values.get(field).getFirst();
        }

        byte[] bytes(int field) {
            return (byte[]) values.get(field).getFirst();
        }

        Fields message(int field) {
            return parse(bytes(field));
        }

        List<Fields> messages(int field) {
            return values.get(field).stream().map(value -> parse((byte[]) value)).toList();
        }
    }

    private static List<Fields> events(byte[] file) {
        ByteBuffer in = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        List<Fields> events = new ArrayList<>();
        while (in.hasRemaining()) {
            int at = in.position();
            byte[] data = new byte[(int) in.getLong()];
            assertEquals(masked(file, at, 8), in.getInt(), "checksum of the length");
            in.get(data);
            assertEquals(masked(data, 0, data.length), in.getInt(), "checksum of the data");
            events.add(Fields.parse(data));
        }
        return events;
    }

    /** CRC-32C bit by bit, masked. */
    private static int masked(byte[] data, int offset, int length) {
        int crc = ~0;
        for (int i = 0; i < length; i++) {
            crc ^= data[offset + i] & 255;
            for (int bit = 0; bit < 8; bit++) {
                crc = crc >>> 1 ^ (crc & 1) * 0x82f63b78;
            }
        }
        crc = ~crc;
        return (crc >>> 15 | crc << 17) + 0xa282ead8;
    }
}
