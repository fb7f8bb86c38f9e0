package org.mouselift.tests.formats;

import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CalibrationFile;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointDifference;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.checkpoint.TensorStatistics;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.recording.CalibrationPickle;
import org.mouselift.data.recording.ColmapText;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import org.mouselift.pipeline.checkpoint.UNetFolder;
import org.mouselift.pipeline.checkpoint.WeightsImport;
import org.mouselift.pipeline.config.DiffusionConfigReader;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.StartPipeline;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import org.mouselift.pipeline.train.OriginalResume;
import org.mouselift.pipeline.train.TrainingCheckpoint;

/**
 * Every reader of files that come from others, on valid files that were damaged: a value, or an exception of ours that names the
 * place; nothing else, and no memory beyond a multiple of the file (rules of the design on untrusted files). The containers of
 * tensors, pictures and splats also have suites of their own beside their readers.
 *
 * <p>The long run of 21 November 2026, 25 cases of 100,000 files each with a heap of 1 GiB: no other exception, 14 to 116 s a reader,
 * at most 2.8 MB allocated for one file (1.8 MB without the folder of a component), 10 MB of live heap after collections. The readers of PyTorch
 * files and calibration pickles were run again after they had learnt further types.
 */
class DamagedFilesTest {
    private static final long FIXED_BYTES = 4 << 20;
    private static final long BYTES_PER_BYTE = 200;
    /** Damaged files per reader in the long run. */
    private static final int LONG = Integer.getInteger("mouselift.damaged.files", 100_000);
    private static final int SHORT = 400;
    /** Pattern of the names of readers in the long run; all by default. */
    private static final String CHOSEN = System.getProperty("mouselift.damaged.reader", ".*");

    @TempDir Path folder;

    /** Reads a file, or the folder it lies in, as far as users' commands do. */
    private interface Reader {
        void read(Path file) throws IOException;
    }

    /**
     * A reader and a valid file.
     *
     * @param file of the folder of the case
     */
    private record Case(String name, Path file, Reader reader) {}

    @TestFactory
    Stream<DynamicTest> damagedFilesAreTypedErrors() throws IOException {
        return tests(SHORT, ".*");
    }

    @Tag("slow")
    @TestFactory
    Stream<DynamicTest> manyDamagedFilesAreTypedErrors() throws IOException {
        return tests(LONG, CHOSEN);
    }

    private Stream<DynamicTest> tests(int files, String chosen) throws IOException {
        return cases().stream().filter(c -> c.name.matches(chosen)).map(c -> DynamicTest.dynamicTest(c.name + ", " + files + " files", () -> check(c, files)));
    }

    private static void check(Case c, int files) throws IOException {
        byte[] valid = Files.readAllBytes(c.file);
        c.reader.read(c.file); // the undamaged file is read
        Damage damage = new Damage(c.name.hashCode());
        int refused = 0;
        long most = 0;
        long begun = System.nanoTime();
        for (int i = 0; i < files; i++) {
            byte[] bytes = damage.of(valid);
            Files.write(c.file, bytes);
            long before = allocated();
            try {
                c.reader.read(c.file);
            } catch (IOException | IllegalArgumentException e) {
                refused++;
                typed(e, c, i);
            } catch (RuntimeException | StackOverflowError | OutOfMemoryError e) {
                Path kept = Files.write(Path.of(System.getProperty("java.io.tmpdir")).resolve("damaged-" + c.file.getFileName()), bytes);
                throw new AssertionError(c.name + ", file " + i + ": " + e + ", kept as " + kept, e);
            }
            long used = allocated() - before;
            most = Math.max(most, used);
            assertTrue(used <= FIXED_BYTES + BYTES_PER_BYTE * bytes.length, () -> c.name + ": " + used + " bytes allocated for a file of " + bytes.length);
        }
        Files.write(c.file, valid);
        assertTrue(refused > files / 20, c.name + ": only " + refused + " of " + files + " were refused");
        System.out.printf("%s: %d damaged files of a valid one of %,d bytes, %d refused, the others read; %.0f s; at most %,d bytes allocated for one%n", c.name, files,
                valid.length, refused, (System.nanoTime() - begun) / 1e9, most);
    }

    /** Exceptions of the program's own types, or plain ones with the file's name; those of the JDK only for files that are not there. */
    private static void typed(Exception e, Case c, int file) {
        boolean ours = e.getClass().getName().startsWith("org.mouselift.") || e instanceof NoSuchFileException
                || e.getClass() == IOException.class && e.getMessage() != null && e.getMessage().contains(c.file.getFileName().toString());
        if (!ours || e.getMessage() == null || e.getMessage().length() < 15) {
            throw new AssertionError(c.name + ", file " + file + ": " + e.getClass().getName() + ": " + e.getMessage(), e);
        }
    }

    private static long allocated() {
        return ((com.sun.management.ThreadMXBean) java.lang.management.ManagementFactory.getThreadMXBean()).getCurrentThreadAllocatedBytes();
    }

    private Path place(String name) throws IOException {
        return Files.createDirectories(folder.resolve(name));
    }

    private List<Case> cases() throws IOException {
        List<Case> all = new ArrayList<>();
        checkpoints(all);
        records(all);
        cameras(all);
        configurations(all);
        return all;
    }

    private static void tensors(Checkpoint stored) throws IOException {
        for (StoredTensor tensor : stored.tensors().values()) {
            if (tensor.elements() <= 1 << 16) {
                assertTrue(tensor.doubles().length == tensor.elements() && tensor.sha256().length() == 64);
                TensorStatistics.of(tensor);
            }
        }
        stored.stateDict();
    }

    private static void checkpoint(Path file) throws IOException {
        try (Checkpoint stored = Checkpoint.open(file)) {
            tensors(stored);
        }
    }

    private static SafetensorsWriter weights(String... names) {
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        for (String name : names) {
            writer.add(name, new long[] {2, 3}, new float[] {1, 2, 3, 4, 5, 6});
        }
        return writer;
    }

    private static Map<Object, Object> dictionary() {
        OrderedDict model = new OrderedDict();
        model.put("module.a.weight", TorchValues.of(new long[] {2, 3}, 0, 1, 2, 3, 4, 5));
        model.put("module.b", TorchValues.of(new long[] {3}, 7, 8, 9));
        model.put("half", TorchValues.of(StoredType.BF16, new long[] {2}, java.lang.foreign.MemorySegment.ofArray(new byte[] {1, 2, 3, 4})));
        Map<Object, Object> states = new LinkedHashMap<>();
        List<Object> groups = new ArrayList<>();
        for (long i = 0; i < 2; i++) {
            states.put(i, new LinkedHashMap<>(Map.of("step", TorchValues.of(new long[0], 3), "exp_avg", TorchValues.of(new long[] {3}, 1, 2, 3), "exp_avg_sq",
                    TorchValues.of(new long[] {3}, 1, 2, 3))));
            groups.add(new LinkedHashMap<>(Map.of("lr", 1e-4, "initial_lr", 4e-4, "betas", new Object[] {0.9, 0.95}, "weight_decay", 0.05, "params", List.of(i))));
        }
        Map<Object, Object> root = new LinkedHashMap<>();
        root.put("model", model);
        root.put("optimizer", new LinkedHashMap<>(Map.of("state", states, "param_groups", groups)));
        root.put("lr_scheduler", new LinkedHashMap<>(Map.of("base_lrs", List.of(4e-4, 4e-4), "last_epoch", 3L)));
        root.put("fwdbwd_pass_step", 3L);
        root.put("param_update_step", 3L);
        return root;
    }

    private void checkpoints(List<Case> all) throws IOException {
        Path safetensors = place("safetensors").resolve("model.safetensors");
        weights("a.weight", "b").add("index", new long[] {4}, new long[4]).add("wide", new long[] {}, new double[1]).write(safetensors);
        all.add(new Case("safetensors", safetensors, DamagedFilesTest::checkpoint));

        Path torch = place("torch").resolve("ckpt_0000000000000003.pt");
        TorchWriter.write(torch, dictionary());
        all.add(new Case("torch zip, a GS-LRM dictionary with optimizer", torch, file -> {
            checkpoint(file);
            OriginalResume.read(file);
        }));
        all.add(new Case("torch zip, settings of every kind", SettingsFile.write(place("settings").resolve("settings.pt")), DamagedFilesTest::checkpoint));
        Path other = place("difference").resolve("a.pt");
        TorchWriter.write(other, dictionary());
        all.add(new Case("difference of two checkpoints", other, file -> {
            try (Checkpoint first = Checkpoint.open(file); Checkpoint second = Checkpoint.open(torch)) {
                CheckpointDifference.of(first, second, "");
            }
        }));

        Path shards = place("shards");
        weights("a.weight").write(shards.resolve("model-00001-of-00002.safetensors"));
        weights("b").write(shards.resolve("model-00002-of-00002.safetensors"));
        Path index = Files.writeString(shards.resolve("model.safetensors.index.json"), """
                {"metadata": {"total_size": 48}, "weight_map": {"a.weight": "model-00001-of-00002.safetensors", "b": "model-00002-of-00002.safetensors"}}
                """);
        all.add(new Case("shard index", index, DamagedFilesTest::checkpoint));

        Path training = place("training").resolve(TrainingCheckpoint.fileName(4));
        weights("model.a", "optimizer.exp_avg.a", "optimizer.exp_avg_sq.a").metadata("format", "mouselift-training-1").metadata("configuration", "model: {}\n")
                .metadata("provenance", "{\"model\": \"gslrm\"}").metadata("counters",
                        "{\"fwdbwdStep\":4,\"updateStep\":2,\"scheduleStep\":2,\"skipped\":0,\"recentSkips\":\"00\",\"seed\":7,\"optimiserSteps\":1}").write(training);
        all.add(new Case("training checkpoint", training, file -> {
            TrainingCheckpoint.readCounters(file);
            TrainingCheckpoint.readConfiguration(file);
            TrainingCheckpoint.readProvenance(file);
        }));

        Path unet = place("unet");
        StartPipeline.write(unet, StartPipeline.Size.TINY, 1);
        all.add(new Case("component configuration", unet.resolve("unet/config.json"), file -> {
            UNetFolder.find(file.getParent(), UNetFolder.Choice.AUTO);
            PipelineFolder.open(file.getParent().getParent()).unetConfig();
        }));
        Path pipeline = place("pipeline");
        StartPipeline.write(pipeline, StartPipeline.Size.TINY, 1);
        all.add(new Case("pipeline index", pipeline.resolve("model_index.json"), file -> PipelineFolder.open(file.getParent()).sampling()));
    }

    private void records(List<Case> all) throws IOException {
        Path made = place("provenance");
        weights("a").write(made.resolve("model.safetensors"));
        CameraRig rig = RigCatalog.human6();
        ObjectNode keys = com.fasterxml.jackson.databind.node.JsonNodeFactory.instance.objectNode().put("model", "gslrm").put("passes", 500).put("species", "mouse");
        RigProvenance.of(List.of(rig.cameras())).into(keys);
        Path parent = Files.writeString(folder.resolve("list.txt"), "sample\n");
        Provenance.empty().with(keys).with(Provenance.Parent.of("data", parent)).write(made);
        Path provenance = made.resolve("provenance.json");
        all.add(new Case("provenance", provenance, file -> {
            Provenance.read(file.getParent()).orElseThrow().differences(file.getParent());
            ArtefactStatus.requireUsable(file.getParent());
            RigProvenance.of(GsLrmWeights.readProvenance(file.getParent()), file);
        }));

        Path tagged = place("status");
        weights("a").write(tagged.resolve("model.safetensors"));
        Files.writeString(tagged.resolve("config.yaml"), "model: {}\n");
        Files.writeString(tagged.resolve("mouselift-status.json"), "{\"tags\": [\"keep\", \"paper\"], \"invalid\": {\"reason\": \"made from human faces\", \"remedy\": \"\", \"date\": \"2026-11-20\", \"parent\": \"\"}}\n");
        all.add(new Case("status", tagged.resolve("mouselift-status.json"), file -> {
            ArtefactStatus.read(file.getParent());
            for (Artefact artefact : CheckpointRegistry.of(file.getParent()).artefacts()) {
                CheckpointRegistry.refusal(artefact);
            }
        }));

        Path registered = place("registry");
        weights("a").write(registered.resolve(TrainingCheckpoint.fileName(7)));
        Provenance.empty().with(keys).write(registered.resolve(TrainingCheckpoint.fileName(7)));
        all.add(new Case("registry", registered.resolve(TrainingCheckpoint.fileName(7) + ".provenance.json"), file -> {
            CheckpointRegistry registry = CheckpointRegistry.of(file.getParent());
            for (Artefact artefact : registry.artefacts()) {
                CheckpointRegistry.damage(artefact);
                registry.descendants(artefact);
            }
        }));

        Path sums = place("sums");
        weights("a").write(sums.resolve("model.safetensors"));
        Files.writeString(sums.resolve("SHA256SUMS"), org.mouselift.data.checkpoint.ContentHash.ofFile(sums.resolve("model.safetensors")) + "  model.safetensors\n");
        all.add(new Case("check sums", sums.resolve("SHA256SUMS"), file -> {
            WeightsImport weights = WeightsImport.of(file.getParent());
            weights.requireSums(weights.sums());
        }));

        Path learned = place("learned");
        new TrainedPrompts("mouse6", "0".repeat(64), "mouse6", List.of(org.mouselift.data.prompts.PromptSlot.of("front", rig.cameras().getFirst()))).write(learned);
        all.add(new Case("prompts of a training", learned.resolve("provenance.json"), file -> TrainedPrompts.read(file.getParent())));

        Path prompts = place("prompts");
        new SafetensorsWriter().add("clr_embeds", new long[] {1, 77, 4}, new float[308]).write(prompts.resolve("clr_embeds.safetensors"));
        Files.writeString(prompts.resolve("metadata.json"), """
                {"schema": 2, "mode": "text", "template_id": "facelift", "rig_id": "human6", "views": ["front"], "slots": [{"name": "front", "azimuth": 0.0, "elevation": 0.0,
                 "distance": 2.7}], "color_prompts": ["a rendering image of 3D models, front view, color map."], "normal_prompts": [], "shape": [1, 77, 4], "model": "x",
                 "encoder": {"name": "x", "hidden_size": 4, "tokenizer_sha256": "", "weights_sha256": ""}, "tensor_sha256": "", "created_by": "test"}
                """);
        all.add(new Case("prompt metadata", prompts.resolve("metadata.json"), file -> {
            if (PromptEmbeddings.read(file.resolveSibling("clr_embeds.safetensors")).metadata().isEmpty()) { // what the prompt check then refuses, MFL-E107
                throw new CheckpointException(file, "cannot be read", "");
            }
        }));

        Path log = place("log");
        try (MetricsLog metrics = MetricsLog.create(log)) {
            metrics.scalars(1, Map.of("train/loss", 0.5));
            metrics.scalars(2, Map.of("train/loss", 0.25, "val/psnr", 20.0));
        }
        all.add(new Case("metrics", log.resolve(MetricsLog.FILE_NAME), MetricsLog::read));

        Path golden = place("golden");
        weights("x").write(golden.resolve("one.safetensors"));
        Files.writeString(golden.resolve("index.json"), """
                {"files": {"one.safetensors": {"kind": "case", "description": "one", "tensors": {"x": {"role": "expected", "shape": [2, 3], "dtype": "F32", "atol": 1e-5}}}}}
                """);
        all.add(new Case("golden index", golden.resolve("index.json"), file -> {
            GoldenFolder opened = GoldenFolder.open(file.getParent());
            for (String name : opened.files()) {
                opened.kind(name);
            }
        }));
    }

    private void cameras(List<Case> all) throws IOException {
        CameraRig rig = RigCatalog.human6();
        Path opencv = place("opencv").resolve(OpencvCameraFile.FILE_NAME);
        OpencvCameraFile.ofRig(rig).write(opencv);
        all.add(new Case("rig, opencv_cameras.json", opencv, file -> OpencvCameraFile.read(file, OpencvCameraFile.Options.RIG).rig("x")));
        Path nerf = place("nerf").resolve("transforms.json");
        NerfTransforms.ofRig(rig).write(nerf);
        all.add(new Case("rig, transforms.json", nerf, file -> NerfTransforms.read(file).rig("x")));
        List<MammalCamera> mammal = rig.cameras().stream().map(MammalCamera::of).toList();
        Path pickle = place("pickle").resolve("new_cam.pkl");
        CalibrationPickle.write(pickle, mammal);
        all.add(new Case("calibration pickle", pickle, file -> CalibrationFile.readPickle(file, mammal.size())));
        StringBuilder json = new StringBuilder("[");
        for (MammalCamera camera : mammal) {
            json.append(json.length() > 1 ? ",\n" : "").append("{\"K\": ").append(matrix(camera.k())).append(", \"R\": ").append(matrix(camera.r()))
                    .append(", \"T\": ").append(vector(camera.t())).append('}');
        }
        Path list = Files.writeString(place("calibration").resolve("cameras.json"), json.append("]\n"));
        all.add(new Case("calibration JSON", list, file -> CalibrationFile.readJson(file, mammal.size())));
        Path colmap = place("colmap");
        Files.writeString(colmap.resolve("cameras.txt"), "# cameras\n1 PINHOLE 512 512 548.9 548.9 256 256\n2 SIMPLE_PINHOLE 512 512 548.9 256 256\n");
        Files.writeString(colmap.resolve("images.txt"), "# images\n1 1 0 0 0 0 0 2.7 1 cam_000.png\n\n2 0.5 0.5 0.5 0.5 0.1 0 2.7 2 cam_001.png\n1 2 -1\n");
        all.add(new Case("COLMAP images", colmap.resolve("images.txt"), file -> ColmapText.read(file.getParent())));
        Path lenses = place("lenses");
        Files.copy(colmap.resolve("images.txt"), lenses.resolve("images.txt"));
        Files.copy(colmap.resolve("cameras.txt"), lenses.resolve("cameras.txt"));
        all.add(new Case("COLMAP cameras", lenses.resolve("cameras.txt"), file -> ColmapText.read(file.getParent())));
    }

    private static String matrix(org.mouselift.data.camera.Mat3 m) {
        return "[[" + m.m00() + "," + m.m01() + "," + m.m02() + "],[" + m.m10() + "," + m.m11() + "," + m.m12() + "],[" + m.m20() + "," + m.m21() + "," + m.m22() + "]]";
    }

    private static String vector(Vector3D v) {
        return "[" + v.getX() + "," + v.getY() + "," + v.getZ() + "]";
    }

    private void configurations(List<Case> all) throws IOException {
        Path conf = Path.of(System.getProperty("mouselift.root", "..")).resolve("conf");
        Path gslrm = Files.copy(conf.resolve("gslrm-tiny.yaml"), place("gslrm").resolve("gslrm.yaml"));
        all.add(new Case("configuration of stage 2", gslrm, file -> GslrmConfigReader.read(file, List.of())));
        Path diffusion = Files.copy(conf.resolve("mvdiffusion-mouse-128.yaml"), place("mvdiffusion").resolve("mvdiffusion.yaml"));
        all.add(new Case("configuration of stage 1", diffusion, file -> DiffusionConfigReader.read(file, List.of())));
        place("samples/mice/sample_000000");
        Path samples = Files.writeString(folder.resolve("samples/list.txt"), "mice/sample_000000\n# a comment\nmice/sample_000000/\n");
        Files.writeString(samples, "mice/sample_000000\n");
        all.add(new Case("sample list", samples, SampleList::read));
    }
}
