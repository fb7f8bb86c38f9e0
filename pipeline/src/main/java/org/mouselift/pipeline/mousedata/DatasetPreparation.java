package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.data.recording.FramePreparation;
import org.mouselift.data.recording.FrameSampling;
import org.mouselift.data.recording.MissingFrameException;
import org.mouselift.data.recording.RecordingException;
import org.mouselift.data.recording.RecordingLayout;
import org.mouselift.data.recording.SourceCalibration;
import org.mouselift.data.recording.SubjectFraming;
import org.mouselift.engine.cpu.Workers;

/**
 * A recording becomes a data set (mouse specification §2.4 … §2.8). Sample {@code sample_i} is the i-th sampled frame; running again
 * with the same settings adds what is missing. One instant is in memory at a time.
 */
public final class DatasetPreparation {
    public static final String TRAIN_LIST = "data_mouse_train.txt";
    public static final String VALIDATION_LIST = "data_mouse_val.txt";
    /** Larger shares of failed samples end the run, unless the options say otherwise. */
    public static final double MAX_FAILURES = 0.01;

    /**
     * What to make.
     *
     * @param rig             cameras that replace the calibration, in frame pixels; only on explicit request
     * @param calibration     another calibration than the one found
     * @param calibrationSize frame size the calibration was made for, if its file does not say
     * @param subject         frames the subject instead of cropping the middle; {@code frame} then only scales masks and must keep whole frames
     * @param maxFailures     share of the samples that may fail
     */
    public record Options(Path videoDir, Path metaDir, Optional<Path> masks, int views, FrameSampling sampling, int firstSample, FramePreparation frame,
            RigNormalization geometry, DatasetSplit split, Optional<CameraRig> rig, Optional<Path> calibration,
            Optional<SourceCalibration.Size> calibrationSize, Optional<SubjectFraming> subject, double maxFailures) {
        public Options {
            if (!(maxFailures >= 0 && maxFailures <= 1)) {
                throw new IllegalArgumentException("prepare: share of failures " + maxFailures + ", expected 0 to 1");
            }
            if (subject.isPresent() && (frame.crop() != FramePreparation.Crop.NONE || !(geometry.mode() == GeometryMode.NONE || geometry.mode() == GeometryMode.SIMILARITY))) {
                throw new IllegalArgumentException("prepare: framing the subject works on whole frames and keeps the lens; use geometry mode none or similarity");
            }
        }

        /** The middle of the frames, and the usual share of failures. */
        public Options(Path videoDir, Path metaDir, Optional<Path> masks, int views, FrameSampling sampling, int firstSample, FramePreparation frame,
                RigNormalization geometry, DatasetSplit split, Optional<CameraRig> rig, Optional<Path> calibration,
                Optional<SourceCalibration.Size> calibrationSize) {
            this(videoDir, metaDir, masks, views, sampling, firstSample, frame, geometry, split, rig, calibration, calibrationSize, Optional.empty(), MAX_FAILURES);
        }
    }

    /** A sample that could not be made. */
    public record Failure(String sample, int frame, String reason) {}

    /** One camera before and after scaling. */
    public record CameraRow(int camera, double distance, double elevation, double azimuth, double scaledDistance, double focal, double fov) {}

    /**
     * What there is, before any frame is decoded.
     *
     * @param source cameras of the whole frames, in source units
     * @param rig    cameras of the pictures, normalised
     */
    public record Plan(RecordingLayout layout, List<Integer> frameCounts, List<Integer> maskCounts, int frames, int[] indices, CameraRig source,
            CameraRig rig, double scale, List<CameraRow> cameras, List<String> warnings) {}

    /** What was done. */
    public record Report(int written, int kept, List<Failure> failures, int train, int validation) {}

    private final Path output;
    private final Options options;
    private final List<String> arguments;

    public DatasetPreparation(Path output, Options options) {
        this(output, options, List.of());
    }

    /** @param arguments the command line, for the record */
    public DatasetPreparation(Path output, Options options, List<String> arguments) {
        this.output = output;
        this.options = options;
        this.arguments = List.copyOf(arguments);
    }

    /** Looks at everything without decoding more than the first frames. */
    public Plan plan() throws IOException {
        RecordingLayout layout = layout();
        try (Recording recording = Recording.open(layout)) {
            return plan(layout, recording);
        }
    }

    private RecordingLayout layout() throws IOException {
        RecordingLayout found = RecordingLayout.find(options.videoDir, options.metaDir, options.masks, options.views);
        RecordingLayout layout = options.calibration.isPresent() ? new RecordingLayout(found.videos(), found.masks(), options.calibration) : found;
        if (layout.calibration().isEmpty() && options.rig.isEmpty()) {
            throw new RecordingException(options.metaDir, "holds no calibration (" + String.join(", ", SourceCalibration.NAMES) + " or a COLMAP text model)",
                    "supply one; cameras are never invented. A ring must be asked for: --rig ring:n=6,elev=20,dist=2.7,fov=50");
        }
        return layout;
    }

    private Plan plan(RecordingLayout layout, Recording recording) throws IOException {
        List<String> warnings = new ArrayList<>();
        CameraRig source = options.rig.isPresent() ? ring(recording) : SourceCalibration.read(layout.calibration().orElseThrow(), options.views,
                recording.sizes(), options.calibrationSize);
        CameraRig framed = source.map(options.frame::camera);
        RigNormalization.Result normal = options.geometry.apply(framed);
        warnings.addAll(normal.warnings());
        RigCheck.Limits limits = options.geometry.mode() == GeometryMode.NONE ? RigCheck.Limits.SOURCE_UNITS : RigCheck.Limits.STANDARD;
        RigCheck.require(normal.rig(), limits.withMaxViewAngle(90).withCameras(options.views));
        List<CameraRow> rows = new ArrayList<>();
        for (int i = 0; i < framed.size(); i++) {
            Camera before = framed.get(i);
            Camera after = normal.rig().get(i);
            rows.add(new CameraRow(i, before.center().getNorm(), before.position().elevationDegrees(), before.position().azimuth().xyDegrees(),
                    after.center().getNorm(), after.intrinsics().fx(), after.intrinsics().horizontalFovDegrees()));
        }
        if (recording.counts().stream().distinct().count() > 1) {
            warnings.add("the videos have " + recording.counts() + " frames; the first " + recording.frames() + " of each are used");
        }
        if (recording.maskCounts().stream().anyMatch(n -> n < recording.frames())) {
            warnings.add("the mask videos have " + recording.maskCounts() + " frames, some fewer than the " + recording.frames() + " of the videos: samples without mask fail");
        }
        if (recording.starts().stream().anyMatch(f -> f > 0)) {
            warnings.add("the frame numbers of the cameras begin at " + recording.starts() + ": the same number must be the same instant in all cameras, the first is 0");
        }
        if (options.frame.lens() == FramePreparation.Lens.STANDARD) {
            warnings.add("intrinsics mode standard claims a 50° lens that the pictures do not have: 3D will be wrong");
        }
        int[] indices = options.sampling.indices(recording.frames());
        if (indices.length == 0) {
            throw new RecordingException(options.videoDir, "leaves no frame to sample of " + recording.frames(), "loosen --start, --end or --skip-frames");
        }
        return new Plan(layout, recording.counts(), recording.maskCounts(), recording.frames(), indices, source, normal.rig(), normal.similarity().scale(), rows,
                List.copyOf(warnings));
    }

    private CameraRig ring(Recording recording) throws IOException {
        CameraRig rig = options.rig.orElseThrow();
        if (rig.size() < options.views) {
            throw new RecordingException(options.videoDir, "rig " + rig.id() + " has " + rig.size() + " cameras for " + options.views + " views", "name a rig with as many");
        }
        List<Camera> out = new ArrayList<>();
        for (int i = 0; i < options.views; i++) {
            SourceCalibration.Size s = recording.sizes().get(i);
            int side = Math.min(s.width(), s.height());
            Camera c = rig.get(i);
            out.add(c.withIntrinsics(c.intrinsics().centerCrop().resize(side, side).crop(-(s.width() - side) / 2.0, -(s.height() - side) / 2.0, s.width(), s.height())));
        }
        return new CameraRig(rig.id(), out);
    }

    /**
     * Makes the data set.
     *
     * @param planned  told what was found, before the first frame is decoded
     * @param progress told 1 for each finished sample
     * @throws MouseDataException if the folder holds something else, or more than 1 % of the samples fail; what is done stays
     */
    public Report run(java.util.function.Consumer<Plan> planned, LongConsumer progress) throws IOException {
        RecordingLayout layout = layout();
        try (Recording recording = Recording.open(layout)) {
            Plan plan = plan(layout, recording);
            planned.accept(plan);
            Files.createDirectories(output);
            ObjectNode provenance = claim(plan);
            SampleFolder.removeUnfinished(output);
            List<Failure> failures = new ArrayList<>();
            List<String> done = new ArrayList<>();
            int kept = 0;
            for (int i = 0; i < plan.indices.length; i++) {
                String name = SampleFolder.name(options.firstSample + i);
                if (Files.isDirectory(output.resolve(name))) {
                    kept++;
                    done.add(name);
                } else {
                    Optional<Failure> failure = sample(recording, plan, name, plan.indices[i]);
                    if (failure.isPresent()) {
                        failures.add(failure.get());
                    } else {
                        done.add(name);
                    }
                }
                progress.accept(1);
                if (failures.size() > options.maxFailures * plan.indices.length) {
                    break;
                }
            }
            return finish(plan, provenance, failures, done, kept);
        }
    }

    private Report finish(Plan plan, ObjectNode provenance, List<Failure> failures, List<String> done, int kept) throws IOException {
        SampleFolder.json(output.resolve(SampleFolder.FAILURES), SampleFolder.MAPPER.valueToTree(failures));
        DatasetSplit.Parts parts = options.split.split(done.size());
        SampleFolder.text(output.resolve(TRAIN_LIST), lines(done, parts.train()));
        SampleFolder.text(output.resolve(VALIDATION_LIST), lines(done, parts.validation()));
        provenance.putObject("counts").put("samples", done.size()).put("views", options.views).put("failed", failures.size())
                .put("train", parts.train().size()).put("validation", parts.validation().size());
        provenance.putObject("source_frames").put("first", plan.indices[0]).put("last", plan.indices[plan.indices.length - 1]).put("sampled", plan.indices.length);
        provenance.set("views", MaskSummary.means(output, done));
        SampleFolder.json(output.resolve(SampleFolder.PROVENANCE), provenance);
        if (failures.size() > options.maxFailures * plan.indices.length) {
            Failure first = failures.getFirst();
            throw new MouseDataException(output, failures.size() + " of the first " + (done.size() + failures.size()) + " samples failed, more than "
                    + String.format(java.util.Locale.ROOT, "%.4g %%", 100 * options.maxFailures) + " of all " + plan.indices.length + "; the first: " + first.sample() + " (frame "
                    + first.frame() + "): " + first.reason(), "see " + SampleFolder.FAILURES + "; mend the recording, leave frames out with --skip-frames, or allow more with"
                    + " --max-failures, and run again: finished samples are kept");
        }
        return new Report(done.size() - kept, kept, List.copyOf(failures), parts.train().size(), parts.validation().size());
    }

    private static String lines(List<String> names, List<Integer> which) {
        return which.stream().map(i -> names.get(i) + "\n").collect(Collectors.joining());
    }

    private Optional<Failure> sample(Recording recording, Plan plan, String name, int frame) throws IOException {
        Recording.Instant instant;
        try {
            instant = recording.read(frame);
        } catch (MissingFrameException e) {
            return Optional.of(new Failure(name, frame, e.getMessage()));
        }
        int n = recording.views();
        Image8[] images = new Image8[n];
        List<Camera> cameras = new ArrayList<>(plan.rig.cameras());
        if (options.subject.isPresent()) {
            try {
                SubjectFraming.Result framed = options.subject.get().apply(instant.frames(), instant.masks(), plan.source.cameras());
                for (int i = 0; i < n; i++) {
                    images[i] = framed.images().get(i);
                    cameras.set(i, cameras.get(i).withIntrinsics(framed.cameras().get(i).intrinsics()));
                }
            } catch (SubjectFraming.EmptyMaskException e) {
                return Optional.of(new Failure(name, frame, e.getMessage()));
            }
        } else {
            Workers.each(n, (worker, i) -> images[i] = options.frame.apply(instant.frames().get(i), instant.masks().get(i), plan.source.get(i)).image());
            for (int i = 0; i < n; i++) {
                if (MaskStatistics.of(images[i]).isEmpty()) {
                    return Optional.of(new Failure(name, frame, "camera " + i + ": the mask is empty"));
                }
            }
        }
        OpencvCameraFile file = OpencvCameraFile.ofRig(new CameraRig(name, cameras))
                .with("recording_info", JsonNodeFactory.instance.objectNode().put("source_frame", frame).put("scale_factor", plan.scale))
                .with(MaskSummary.KEY, MaskSummary.of(List.of(images)));
        SampleFolder.write(output, name, file, List.of(images));
        return Optional.empty();
    }

    /** The provenance; one that is there must describe the same data set. */
    private ObjectNode claim(Plan plan) throws IOException {
        ObjectNode made = JsonNodeFactory.instance.objectNode();
        made.put("sampling", options.sampling.policy().toString()).put("start", options.sampling.start()).put("end", options.sampling.end().orElse(-1))
                .put("skip_frames", options.sampling.skip().toString()).put("first_sample", options.firstSample)
                .put("frame", options.subject.map(Object::toString).orElse(options.frame.toString()))
                .put("geometry_mode", options.geometry.mode().id()).put("target_distance", options.geometry.targetDistance())
                .put("views", options.views).put("frames", plan.frames).put("rig", plan.rig.id());
        made.put("videos", plan.layout.videos().stream().map(p -> p.getFileName().toString()).toList().toString());
        if (options.rig.isEmpty()) {
            Path calibration = plan.layout.calibration().orElseThrow();
            made.put("calibration_sha256", Files.isRegularFile(calibration) ? SampleFolder.sha256(calibration)
                    : SampleFolder.sha256(calibration.resolve("cameras.txt")) + " " + SampleFolder.sha256(calibration.resolve("images.txt")));
        }
        Path file = output.resolve(SampleFolder.PROVENANCE);
        String created = SampleFolder.claim(output, "prepare", made);
        ObjectNode root = JsonNodeFactory.instance.objectNode().put("kind", "mouse-recording").put("created", created).put("tool", SampleFolder.tool());
        root.set("arguments", SampleFolder.MAPPER.valueToTree(arguments));
        root.set("prepare", made);
        ArrayNode chain = root.putArray("chain");
        chain.addObject().put("step", "prepare").put("intrinsics", options.frame.lens() == FramePreparation.Lens.STANDARD || !options.geometry.mode().exact() ? "frozen" : "exact");
        root.put("geometry_mode", options.geometry.mode().id()).put("rig_id", plan.rig.id());
        root.putObject("split").put("kind", options.split.kind().name().toLowerCase(java.util.Locale.ROOT)).put("val_ratio", options.split.ratio())
                .put("seed", options.split.seed()).put("guard", options.split.guard());
        SampleFolder.json(file, root);
        return root;
    }
}
