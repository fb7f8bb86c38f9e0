package org.mouselift.data.synth;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HexFormat;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.LongConsumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image;
import org.mouselift.data.image.Image16;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.engine.cpu.Workers;

/**
 * Writes synthetic mice as a data set (GS-LRM specification §5.1, mouse specification §2.6):
 * <pre>
 * data_train.txt, data_val.txt      sample folders, one per line, relative to the list
 * dataset.json                      how the set was made
 * sample_000000/opencv_cameras.json cameras; "synth_mouse": all parameters, "depth": unit of the depth pictures
 * sample_000000/images/cam_000.png  RGBA, straight alpha
 * sample_000000/depth/cam_000.png   16-bit grey: z depth at the pixel's centre divided by the unit, 0 = no surface
 * sample_000000/mask/cam_000.png    8-bit grey: 255 where more than half of the pixel is covered
 * </pre>
 * Sample {@code sample_i} is mouse {@code i} of the seed, whatever the size of the set. A sample folder appears when it is
 * complete; running again over the same folder adds only what is missing.
 */
public final class SynthMice {
    public static final String PROVENANCE = "dataset.json";
    public static final String TRAIN_LIST = "data_train.txt";
    public static final String VALIDATION_LIST = "data_val.txt";
    private static final double FINEST_DEPTH_UNIT = 1e-4;
    private static final int MAX_INDEX = 999_999;
    private static final Pattern UNFINISHED = Pattern.compile("\\.sample_\\d{6}\\.(\\d+)\\.tmp");
    private static final ObjectMapper MAPPER = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * What to make.
     *
     * @param seed            seed of the population
     * @param first           index of the first mouse
     * @param count           number of mice
     * @param rig             cameras; images that are not square are cropped to their centre
     * @param size            width and height of the images, pixels
     * @param maxYaw          largest turn of a mouse about the vertical, degrees; 0: all face −Y
     * @param validationRatio share of the samples in the validation list, 0 ≤ ratio < 1; the number is rounded down
     * @param geometry        whether depth and mask pictures are written too
     * @param novel           random cameras of each mouse after those of the rig
     */
    public record Options(long seed, int first, int count, CameraRig rig, int size, double maxYaw, double validationRatio, boolean geometry,
            NovelViews novel) {
        public Options {
            require(first >= 0 && first <= MAX_INDEX, "first", first, "0 to " + MAX_INDEX);
            require(count >= 1 && (long) first + count - 1 <= MAX_INDEX, "count", count, "at least 1, and the last index at most " + MAX_INDEX);
            require(size >= 8 && size <= 4096, "size", size, "8 to 4096 pixels");
            require(maxYaw >= 0 && maxYaw <= 180, "maxYaw", maxYaw, "0 to 180 degrees");
            require(validationRatio >= 0 && validationRatio < 1, "validationRatio", validationRatio, "0 ≤ ratio < 1");
            RigCheck.require(rig);
            require(novel.count >= 0 && novel.count <= 1000, "novel.count", novel.count, "0 to 1000");
            require(-89 <= novel.lowest && novel.lowest <= novel.highest && novel.highest <= 89, "novel elevations",
                    novel.lowest + ":" + novel.highest, "LOW:HIGH within -89 to 89 degrees");
        }

        /** Only the cameras of the rig. */
        public Options(long seed, int first, int count, CameraRig rig, int size, double maxYaw, double validationRatio, boolean geometry) {
            this(seed, first, count, rig, size, maxYaw, validationRatio, geometry, NovelViews.NONE);
        }

        private static void require(boolean holds, String field, Object value, String expected) {
            if (!holds) {
                throw new IllegalArgumentException("synthetic mice: " + field + " = " + value + ", expected " + expected);
            }
        }

        /** World units per step of the 16-bit depth pictures: 1e-4 unless a camera is too far away for that. */
        public double depthUnit() {
            double far = 0;
            for (double d : rig.distances()) {
                far = Math.max(far, d + MouseAnatomy.BALL);
            }
            return Math.max(FINEST_DEPTH_UNIT, far / 65535);
        }
    }

    /**
     * Random cameras around a mouse, different for every mouse: azimuth uniform over the circle, elevation uniform over a range,
     * at the rig's mean distance and with the lens of its first camera, looking at the origin.
     *
     * @param lowest  degrees
     * @param highest degrees
     */
    public record NovelViews(int count, double lowest, double highest) {
        public static final NovelViews NONE = new NovelViews(0, 0, 0);

        /** The rig with this mouse's cameras added. */
        CameraRig extend(CameraRig rig, long seed, long index) {
            if (count == 0) {
                return rig;
            }
            // A stream of its own: ~seed belongs to the split, seed to the mice.
            SplitMix64 random = new SplitMix64(Long.rotateLeft(seed, 32) ^ 0x6E6F76656CL, index);
            List<Camera> cameras = new ArrayList<>(rig.cameras());
            for (int i = 0; i < count; i++) {
                cameras.add(Rings.orbit(rig.get(0).intrinsics(), rig.meanDistance(), random.uniform(lowest, highest), Azimuth.xy(random.uniform(0, 360))));
            }
            return new CameraRig(rig.id(), cameras);
        }
    }

    /** What was done. */
    public record Report(int written, int kept, int train, int validation, long images) {
    }

    private final Path folder;
    private final Options options;
    private final CameraRig rig;

    private SynthMice(Path folder, Options options) {
        this.folder = folder;
        this.options = options;
        this.rig = SynthMouse.resized(options.rig, options.size);
    }

    /**
     * Writes the data set; the folder is created if needed.
     *
     * @param progress told the number of images of each finished sample, by any worker thread
     * @throws SynthMiceException if the folder holds a data set that was made differently
     */
    public static Report write(Path folder, Options options, LongConsumer progress) throws IOException {
        return new SynthMice(folder, options).run(progress);
    }

    /** Folder name of a sample. */
    public static String sampleName(int index) {
        return String.format(Locale.ROOT, "sample_%06d", index);
    }

    private Report run(LongConsumer progress) throws IOException {
        Files.createDirectories(folder);
        claim();
        removeUnfinished();
        AtomicInteger kept = new AtomicInteger();
        try {
            Workers.each(options.count, (worker, task) -> {
                int index = options.first + task;
                if (Files.isDirectory(folder.resolve(sampleName(index)))) {
                    kept.incrementAndGet();
                } else {
                    writeSample(index);
                }
                progress.accept(viewsPerSample());
            });
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        int validation = writeLists();
        int written = options.count - kept.get();
        return new Report(written, kept.get(), options.count - validation, validation, (long) written * viewsPerSample());
    }

    private int viewsPerSample() {
        return rig.size() + options.novel.count;
    }

    // ---- one sample ----------------------------------------------------------------------------------------------------

    private void writeSample(int index) {
        Path temporary = folder.resolve("." + sampleName(index) + "." + ProcessHandle.current().pid() + ".tmp");
        Path target = folder.resolve(sampleName(index));
        try {
            SynthMouse mouse = SynthMouse.of(MouseParameters.sample(options.seed, index, options.maxYaw));
            Files.createDirectory(temporary);
            Files.createDirectory(temporary.resolve("images"));
            if (options.geometry) {
                Files.createDirectory(temporary.resolve("depth"));
                Files.createDirectory(temporary.resolve("mask"));
            }
            CameraRig cameras = options.novel.extend(rig, options.seed, index);
            List<MouseView> views = mouse.render(cameras.cameras());
            for (int i = 0; i < views.size(); i++) {
                MouseView view = views.get(i);
                String name = String.format(Locale.ROOT, "cam_%03d.png", i);
                png(temporary.resolve("images").resolve(name), new Image8(view.width(), view.height(), 4, view.rgba()));
                if (options.geometry) {
                    png(temporary.resolve("depth").resolve(name), depth(view));
                    png(temporary.resolve("mask").resolve(name), new Image8(view.width(), view.height(), 1, view.mask()));
                }
            }
            cameras(index, cameras, mouse).write(temporary.resolve(OpencvCameraFile.FILE_NAME));
            Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private OpencvCameraFile cameras(int index, CameraRig cameras, SynthMouse mouse) {
        OpencvCameraFile file = OpencvCameraFile.ofGeneratedRig(cameras.withId(sampleName(index)), "synth-mice " + options.rig.id())
                .with("synth_mouse", MAPPER.valueToTree(mouse.parameters()));
        return options.geometry ? file.with("depth", depthBlock()) : file;
    }

    private ObjectNode depthBlock() {
        return JsonNodeFactory.instance.objectNode().put("folder", "depth").put("unit", options.depthUnit()).put("none", 0)
                .put("measure", "distance along the camera's z axis at the pixel's centre, world units = value * unit");
    }

    private Image16 depth(MouseView view) {
        short[] data = new short[view.depth().length];
        double unit = options.depthUnit();
        for (int i = 0; i < data.length; i++) {
            data[i] = (short) Math.min(65535, Math.round(view.depth()[i] / unit));
        }
        return new Image16(view.width(), view.height(), 1, data);
    }

    /** Not synced one by one: the sample folder gets its name when all of them are there. */
    private static void png(Path file, Image image) throws IOException {
        Files.write(file, PngWriter.encode(image));
    }

    // ---- the set -------------------------------------------------------------------------------------------------------

    /** Writes the provenance, or checks that the one that is there describes the same mice and cameras. */
    private void claim() throws IOException {
        Path file = folder.resolve(PROVENANCE);
        ObjectNode made = JsonNodeFactory.instance.objectNode();
        made.put("population", SynthMouse.POPULATION).put("seed", options.seed).put("rig", options.rig.id()).put("views", rig.size())
                .put("size", options.size).put("max_yaw", options.maxYaw).put("geometry", options.geometry).put("novel_views", options.novel.count)
                .put("novel_elevation", options.novel.lowest + ":" + options.novel.highest);
        made.set("cameras", cameraDigest());
        if (Files.exists(file)) {
            JsonNode before = readProvenance(file).get("synth_mice");
            // Through bytes, so that both sides have the number types of a parsed file.
            JsonNode now = MAPPER.readTree(MAPPER.writeValueAsBytes(made));
            if (!now.equals(before)) {
                throw new SynthMiceException(file, "describes another data set: " + before + ", wanted " + now,
                        "choose an empty folder, or repeat the options the set was made with");
            }
        } else if (hasSamples()) {
            throw new SynthMiceException(folder, "holds samples but no " + PROVENANCE, "choose an empty folder");
        }
        ObjectNode root = JsonNodeFactory.instance.objectNode().put("kind", "synth-mice")
                .put("created", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        root.set("synth_mice", made);
        root.put("first", options.first).put("count", options.count).put("validation_ratio", options.validationRatio)
                .put("validation", validationCount()).put("split", "random");
        atomic(file, MAPPER.writeValueAsBytes(root));
    }

    private static JsonNode readProvenance(Path file) throws IOException {
        try {
            return MAPPER.readTree(Files.readAllBytes(file));
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new SynthMiceException(file, "is not JSON: " + e.getOriginalMessage(), "choose an empty folder");
        }
    }

    private ObjectNode cameraDigest() {
        try {
            byte[] digest = MessageDigest.getInstance("SHA-256").digest(OpencvCameraFile.ofRig(rig).toBytes());
            return JsonNodeFactory.instance.objectNode().put("sha256", HexFormat.of().formatHex(digest));
        } catch (NoSuchAlgorithmException e) {
            throw new IllegalStateException("every JDK has SHA-256", e);
        }
    }

    private boolean hasSamples() throws IOException {
        try (Stream<Path> files = Files.list(folder)) {
            return files.anyMatch(f -> f.getFileName().toString().startsWith("sample_"));
        }
    }

    /** Removes what interrupted runs left, but not the work of a process that is still alive. */
    private void removeUnfinished() throws IOException {
        List<Path> stale;
        try (Stream<Path> files = Files.list(folder)) {
            stale = files.filter(f -> {
                Matcher m = UNFINISHED.matcher(f.getFileName().toString());
                return m.matches() && (m.group(1).equals(Long.toString(ProcessHandle.current().pid()))
                        || ProcessHandle.of(Long.parseLong(m.group(1))).isEmpty());
            }).toList();
        }
        for (Path f : stale) {
            removeTree(f);
        }
    }

    private static void removeTree(Path root) throws IOException {
        List<Path> all;
        try (Stream<Path> walk = Files.walk(root)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path p : all) {
            Files.delete(p);
        }
    }

    private int validationCount() {
        return (int) Math.floor(options.count * options.validationRatio + 1e-9);
    }

    /** The validation samples are those with the smallest hash of seed and index: random, and nearly the same when the set grows. */
    private int writeLists() throws IOException {
        int n = validationCount();
        List<Integer> order = new ArrayList<>(options.count);
        for (int i = 0; i < options.count; i++) {
            order.add(options.first + i);
        }
        order.sort(Comparator.comparingLong((Integer i) -> new SplitMix64(~options.seed, i).nextLong()).thenComparing(i -> i));
        list(VALIDATION_LIST, order.subList(0, n));
        list(TRAIN_LIST, order.subList(n, order.size()));
        return n;
    }

    private void list(String name, List<Integer> samples) throws IOException {
        StringBuilder text = new StringBuilder();
        samples.stream().sorted().forEach(i -> text.append(sampleName(i)).append('\n'));
        atomic(folder.resolve(name), text.toString().getBytes(StandardCharsets.UTF_8));
    }

    private static void atomic(Path file, byte[] content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(content);
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}
