package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.engine.DType;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.pipeline.evaluate.MadeUpVgg16;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.ReferencePicture;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.StepPictures;
import org.mouselift.pipeline.multiview.TinyPipeline;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.prompts.ViewDirections;
import org.mouselift.pipeline.reconstruct.TinyWeights;

/** Photos to views and to Gaussians with untrained networks: files, repeatability, resuming and refusals, not quality. */
class ReconstructCommandTest {
    private static final int SIZE = 32;
    private static final int VIEWS = 3;

    @TempDir
    Path folder;

    private Path pipeline;
    private Path weights;
    private Path sample;
    private Path photo;
    private Path rig;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void networks() throws IOException {
        pipeline = TinyPipeline.write(folder.resolve("pipeline"), VIEWS);
        weights = TinyWeights.write(folder.resolve("weights"), VIEWS, DType.F16);
        CameraRig cameras = new CameraRig("five", SynthMouse.resized(Rings.turntable(5, 10, SIZE).cameras(), SIZE));
        sample = sample(folder.resolve("mouse"), cameras.cameras());
        photo = sample.resolve("cam_000.png");
        rig = folder.resolve("rig.json");
        OpencvCameraFile.ofRig(cameras.select(0, 1, 2)).write(rig);
    }

    private static Path sample(Path sample, List<Camera> cameras) throws IOException {
        Files.createDirectories(sample);
        List<MouseView> views = SynthMouse.of(3, 0).render(cameras);
        List<OpencvFrame> frames = new ArrayList<>();
        for (int i = 0; i < cameras.size(); i++) {
            String path = "cam_%03d.png".formatted(i);
            PngWriter.write(sample.resolve(path), new Image8(SIZE, SIZE, 4, views.get(i).rgba()));
            frames.add(OpencvFrame.of(cameras.get(i), path, i));
        }
        new OpencvCameraFile(java.util.Optional.of("mouse"), frames, new ObjectMapper().createObjectNode(), List.of()).write(sample.resolve("opencv_cameras.json"));
        return sample;
    }

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private int views(Path results, Object... arguments) {
        List<String> all = new ArrayList<>(List.of("views", "--pipeline", pipeline.toString(), "--steps", "2", "-o", results.toString()));
        for (Object a : arguments) {
            all.add(a.toString());
        }
        return run(all.toArray(String[]::new));
    }

    private int reconstruct(Path results, Object... arguments) {
        List<String> all = new ArrayList<>(List.of("reconstruct", "--pipeline", pipeline.toString(), "--weights", weights.toString(), "--cameras", rig.toString(),
                "--steps", "2", "--turntable", "2", "-o", results.toString()));
        for (Object a : arguments) {
            all.add(a.toString());
        }
        return run(all.toArray(String[]::new));
    }

    @Test
    void aPhotoGivesItsViewsAndTheSameSeedTheSameOnes() throws IOException {
        Path a = folder.resolve("a");
        assertEquals(0, views(a, photo, "--save-steps"), err.toString());
        for (String file : List.of("input.png", "view_00.png", "view_02.png", "multiview.png", "run.json", "steps/step_000.png", "steps/step_001.png")) {
            assertTrue(Files.isRegularFile(a.resolve("cam_000").resolve(file)), file);
        }
        Image8 strip = Images.read(a.resolve("cam_000/multiview.png"));
        assertEquals(List.of(VIEWS * SIZE, SIZE), List.of(strip.width(), strip.height()));
        assertArrayEquals(strip.data(), Images.read(a.resolve("cam_000/steps/step_001.png")).data(), "the last step is the result");
        assertFalse(java.util.Arrays.equals(strip.data(), Images.read(a.resolve("cam_000/steps/step_000.png")).data()), "a step changes the views");

        Path b = folder.resolve("b");
        assertEquals(0, views(b, sample.resolve("cam_001.png"), photo), err.toString());
        assertArrayEquals(Files.readAllBytes(a.resolve("cam_000/multiview.png")), Files.readAllBytes(b.resolve("cam_000/multiview.png")),
                "what is drawn before has no influence");
        Path c = folder.resolve("c");
        assertEquals(0, views(c, photo, "--seed", 43), err.toString());
        assertFalse(java.util.Arrays.equals(strip.data(), Images.read(c.resolve("cam_000/multiview.png")).data()), "another seed draws other views");
        JsonNode run = new ObjectMapper().readTree(a.resolve("cam_000/run.json").toFile());
        assertEquals(List.of(42, 2, 1.0), List.of(run.at("/settings/seed").asInt(), run.at("/settings/steps").asInt(), run.at("/settings/eta").asDouble()));
        assertEquals(64, run.at("/settings/weightsSha256/unet").asText().length());

        assertEquals(0, run("views", photo.toString(), "--pipeline", pipeline.toString(), "--save-steps", "--steps", "1", "-o", a.toString()), err.toString());
        assertFalse(Files.exists(a.resolve("cam_000/steps/step_001.png")), "of the run before");
        assertTrue(Files.exists(a.resolve("cam_000/steps/step_000.png")));
        assertEquals(0, views(a, photo), err.toString());
        assertFalse(Files.exists(a.resolve("cam_000/steps")), "of the run before");
    }

    @Test
    void whatIsCancelledLeavesNothing() throws IOException {
        Path steps = folder.resolve("results/cam_000/steps");
        Image8 reference = ReferencePicture.read(photo, SIZE, OptionalDouble.empty(), false);
        PromptEmbeddings prompts = PromptEmbeddings.read(pipeline.resolve("clr_embeds.safetensors"));
        try (MultiViewPipeline loaded = MultiViewPipeline.load(PipelineFolder.open(pipeline)); StepPictures pictures = new StepPictures(loaded, steps)) {
            var listener = new MultiViewPipeline.Listener() {
                private int done;

                @Override
                public void step(int index, int count, int timestep, Tensor prediction, Tensor latents) {
                    pictures.step(index, count, latents);
                    done++;
                }

                @Override
                public boolean cancelled() {
                    return done == 2;
                }
            };
            assertThrows(MultiViewPipeline.CancelledException.class, () -> GeneratedViews.sample(loaded, prompts, reference,
                    new SamplingOptions(4, 1, 1, 0, DiffusionSampler.Kind.DDIM), 1, listener));
            assertTrue(Files.exists(steps.resolve("step_001.png")));
        }
        assertFalse(Files.exists(folder.resolve("results")), "folders, too");
    }

    @Test
    void aSampleGivesGaussiansAndMetricsAgainstItsTruth() throws IOException {
        Path results = folder.resolve("results");
        assertEquals(0, reconstruct(results, sample), err.toString());
        Path place = results.resolve("mouse");
        for (String file : List.of("input.png", "generated_views/view_02.png", "multiview.png", "gaussians.ply", "turntable.mp4", "viewer.html", "output.png",
                "unseen.png", "metrics.json", "views.json", "run.json")) {
            assertTrue(Files.size(place.resolve(file)) > 50, file);
        }
        JsonNode metrics = new ObjectMapper().readTree(place.resolve("metrics.json").toFile());
        assertEquals(List.of("view_00.png", "view_01.png", "view_02.png", "cam_003.png", "cam_004.png"), metrics.get("views").findValuesAsText("name"));
        JsonNode truth = new ObjectMapper().readTree(place.resolve("views.json").toFile());
        double mean = (truth.at("/slots/1/metrics/psnr").asDouble() + truth.at("/slots/2/metrics/psnr").asDouble()) / 2;
        assertEquals(mean, truth.at("/mean/psnr").asDouble(), 1e-9, "the photo's own slot does not count");
        assertTrue(truth.at("/copyInput/psnr").asDouble() > truth.at("/mean/psnr").asDouble(), "untrained networks draw worse than a copy of the photo");
        assertEquals(ExitCode.USAGE, reconstruct(results, sample, "--auto-crop"));
        assertTrue(err.toString().contains("not the true views"), err.toString());
    }

    /** The stages come in the order of the work, and measuring changes no result. */
    @Test
    void theStagesOfAPhotoAreMeasured() throws IOException {
        Path plain = folder.resolve("plain");
        assertEquals(0, reconstruct(plain, photo), err.toString());
        Path measured = folder.resolve("measured");
        assertEquals(0, reconstruct(measured, photo, "--profile"), err.toString());
        assertArrayEquals(Files.readAllBytes(plain.resolve("cam_000/gaussians.ply")), Files.readAllBytes(measured.resolve("cam_000/gaussians.ply")));
        JsonNode report = new ObjectMapper().readTree(measured.resolve("cam_000/profile.json").toFile());
        List<String> stages = new ArrayList<>();
        report.get("stages").forEach(s -> stages.add(s.get("name").asText()));
        assertEquals(List.of("image encoder", "autoencoder, encoding", "UNet step 1 of 2", "UNet step 2 of 2", "autoencoder, decoding", "files of the views", "GS-LRM",
                "renderings of the views", "filters", "PLY file", "turntable", "viewer"), stages);
        for (String network : List.of("image encoder", "UNet step 2 of 2", "autoencoder, decoding", "GS-LRM")) {
            JsonNode stage = report.get("stages").get(stages.indexOf(network));
            assertTrue(stage.get("gflop").asDouble() > 0 && stage.get("peakTensorBytes").asLong() > 0, stage.toString());
        }
        assertTrue(out.toString().contains("UNet step 1 of 2"), out.toString());
        assertEquals(ExitCode.USAGE, reconstruct(folder.resolve("device"), photo, "--profile", "--device", "opencl"));
        assertTrue(err.toString().contains("--profile"), err.toString());
    }

    @Test
    void aFolderIsResumedAndOneBadPhotoDoesNotStopTheOthers() throws IOException {
        Path photos = Files.createDirectories(folder.resolve("photos"));
        Files.copy(photo, photos.resolve("one.png"));
        Files.writeString(photos.resolve("three.png"), "not a picture");
        Files.copy(sample.resolve("cam_001.png"), photos.resolve("two.png"));
        Path results = folder.resolve("results");
        assertEquals(ExitCode.BAD_INPUT, views(results, photos));
        assertTrue(err.toString().contains("1 of 3 photos failed") && err.toString().contains("MFL-D05"), err.toString());
        assertTrue(Files.exists(results.resolve("one/run.json")) && Files.exists(results.resolve("two/run.json")));
        assertFalse(Files.exists(results.resolve("three")));

        Files.copy(sample.resolve("cam_002.png"), photos.resolve("three.png"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        var before = Files.getLastModifiedTime(results.resolve("one/run.json"));
        Files.delete(results.resolve("two/run.json"));
        assertEquals(0, views(results, photos, "--resume"), err.toString());
        assertTrue(err.toString().contains("2 photos done, 1 were there, 0 failed"), err.toString());
        assertEquals(before, Files.getLastModifiedTime(results.resolve("one/run.json")));
        assertEquals(ExitCode.BAD_INPUT, views(results, photos.resolve("one.png"), "--resume", "--seed", "5"));
        assertTrue(err.toString().contains("other settings"), err.toString());

        assertEquals(0, run("views", "--input_dir", photos.toString(), "--output_dir", folder.resolve("original").toString(), "--step_2D", "2", "--guidance_scale_2D", "3",
                "--pipeline", pipeline.toString()), err.toString());
        assertArrayEquals(Files.readAllBytes(results.resolve("two/multiview.png")), Files.readAllBytes(folder.resolve("original/two/multiview.png")), "the original's spelling");
        assertEquals(ExitCode.USAGE, run("views", "--pipeline", pipeline.toString()));
        assertTrue(err.toString().contains("no photo is named"), err.toString());
    }

    @Test
    void missingComponentsAreNamedWithWhatIsThere() throws IOException {
        Path results = folder.resolve("results");
        for (String component : List.of("unet", "vae", "image_encoder", "image_normalizer", "image_noising_scheduler", "feature_extractor", "scheduler")) {
            Path hidden = Files.move(pipeline.resolve(component), folder.resolve("hidden"));
            assertEquals(ExitCode.BAD_INPUT, views(results, photo));
            assertTrue(err.toString().contains(component.equals("unet") ? "MFL-E201" : "MFL-E202") && err.toString().contains("component folder " + component + " is missing")
                    && err.toString().contains(component.equals("vae") ? "unet/" : "vae/"), err.toString());
            Files.move(hidden, pipeline.resolve(component));
        }
        pipeline = TinyPipeline.write(folder.resolve("copy2"), VIEWS);
        Files.delete(pipeline.resolve("vae/diffusion_pytorch_model.safetensors"));
        assertEquals(ExitCode.BAD_INPUT, views(results, photo));
        assertTrue(err.toString().contains("MFL-E202") && err.toString().contains("config.json"), err.toString());
        pipeline = TinyPipeline.write(folder.resolve("copy3"), VIEWS);
        Path checkpoint = Files.createDirectories(folder.resolve("checkpoint-7/optimizer"));
        assertEquals(ExitCode.BAD_INPUT, views(results, photo, "--unet", checkpoint.getParent()));
        assertTrue(err.toString().contains("MFL-E201: Fine-tuned UNet not found at " + checkpoint.getParent() + "/unet; no checkpoints are near it"), err.toString());
        assertFalse(Files.exists(results));
    }

    @Test
    void wrongPromptsAreRefused() throws IOException {
        Path results = folder.resolve("results");
        refused(results, "MFL-E101", folder.resolve("none.pt"));
        refused(results, "MFL-E102", Files.writeString(folder.resolve("text.pt"), "no tensor at all"));
        refused(results, "MFL-E103", TinyPipeline.prompts(folder.resolve("rank.safetensors"), new long[] {3, 16}, new float[48]));
        refused(results, "MFL-E104: ", TinyPipeline.prompts(folder.resolve("wide.safetensors"), VIEWS, 4, 12));
        assertTrue(err.toString().contains("12-wide but the UNet expects 16"), err.toString());
        refused(results, "MFL-E105", TinyPipeline.prompts(folder.resolve("zero.safetensors"), new long[] {3, 1, 16}, new float[48]));
        float[] same = new float[48];
        java.util.Arrays.fill(same, 1);
        refused(results, "MFL-E106", TinyPipeline.prompts(folder.resolve("same.safetensors"), new long[] {3, 1, 16}, same));
        refused(results, "MFL-E110", TinyPipeline.prompts(folder.resolve("six.safetensors"), 6, 4, TinyPipeline.WIDTH));
        Files.delete(pipeline.resolve("clr_embeds.safetensors"));
        assertEquals(ExitCode.BAD_INPUT, views(results, photo));
        assertTrue(err.toString().contains("MFL-E101") && err.toString().contains("--prompts"), err.toString());
        assertFalse(Files.exists(results));
    }

    private void refused(Path results, String code, Path prompts) {
        assertEquals(ExitCode.BAD_INPUT, views(results, photo, "--prompts", prompts));
        assertTrue(err.toString().contains(code), err.toString());
    }

    /** The weights of the pipeline are damaged here: whatever is said of the prompts was found before they were loaded. */
    @Test
    void promptsCamerasAndTheRecordOfTheTrainingAreComparedBeforeWeightsLoad() throws IOException {
        Path results = folder.resolve("results");
        Files.write(pipeline.resolve("unet/diffusion_pytorch_model.safetensors"), new byte[] {1, 2, 3});
        Path prompts = pipeline.resolve("clr_embeds.safetensors");
        CameraRig level = new CameraRig("level", Rings.turntable(5, 0, SIZE).cameras()).select(0, 1, 2);
        var slots = ViewDirections.of(level.cameras()).slots();
        var metadata = PromptMetadata.learned("", slots, List.of(3L, 4L, 16L), "", "test").toJson();
        PromptEmbeddings bare = PromptEmbeddings.read(prompts);
        assertEquals(ExitCode.BAD_INPUT, reconstruct(results, photo));
        assertTrue(err.toString().contains("warning: MFL-E107") && !err.toString().contains("MFL-E121"), "directions unknown, cameras declared: " + err);
        new SafetensorsWriter().metadata("prompts", metadata).add("clr", bare.shape(), bare.values()).write(prompts);
        assertEquals(ExitCode.BAD_INPUT, run("reconstruct", photo.toString(), "--pipeline", pipeline.toString(), "--weights", weights.toString(), "-o", results.toString()));
        assertTrue(err.toString().contains("MFL-E120") && err.toString().contains("only the directions front (azimuth 270"), err.toString());
        OpencvCameraFile.ofRig(new CameraRig("high", Rings.turntable(5, 25, SIZE).cameras()).select(0, 2, 1)).write(rig);
        for (String command : List.of("reconstruct", "evaluate views")) {
            List<String> all = new ArrayList<>(List.of(command.split(" ")));
            all.addAll(command.startsWith("e") ? List.of("--data", sample.toString()) : List.of(photo.toString(), "--weights", weights.toString()));
            all.addAll(List.of("--pipeline", pipeline.toString(), "--cameras", rig.toString(), "-o", results.toString()));
            assertEquals(ExitCode.BAD_INPUT, run(all.toArray(String[]::new)));
            assertTrue(err.toString().contains("MFL-E121") && err.toString().contains("MFL-E122"), command + ": " + err);
            all.addAll(List.of("--allow", "MFL-E121", "--allow", "MFL-E122", "--allow", "MFL-E123"));
            assertEquals(ExitCode.BAD_INPUT, run(all.toArray(String[]::new)));
            assertTrue(err.toString().contains("warning: MFL-E121") && err.toString().contains("diffusion_pytorch_model.safetensors"), "now the weights are at fault: " + err);
        }
        new TrainedPrompts("trained.pt", "0123456789abcdef", "", slots).write(pipeline.resolve("unet"));
        assertEquals(ExitCode.BAD_INPUT, views(results, photo));
        assertTrue(err.toString().contains("MFL-E124") && err.toString().contains("was trained with prompt set trained.pt (0123456789ab"), err.toString());
        assertFalse(Files.exists(results));
    }

    @Test
    void aRecordedRigNeedsNotBeNamed() throws IOException {
        pipeline = TinyPipeline.write(folder.resolve("six"), 6);
        weights = TinyWeights.write(folder.resolve("sixWeights"), 6, DType.F16);
        var human = ViewDirections.of(org.mouselift.data.camera.RigCatalog.human6().cameras());
        assertEquals("human6", human.rig());
        PromptEmbeddings bare = PromptEmbeddings.read(pipeline.resolve("clr_embeds.safetensors"));
        new TrainedPrompts("own", bare.valuesSha256(), human.rig(), human.slots()).write(pipeline.resolve("unet"));
        Path results = folder.resolve("results");
        assertEquals(0, run("reconstruct", photo.toString(), "--pipeline", pipeline.toString(), "--weights", weights.toString(), "--steps", "1", "--turntable", "0", "-o",
                results.toString(), "--allow", "MFL-E125"), err.toString());
        assertEquals("human6", new ObjectMapper().readTree(results.resolve("cam_000/run.json").toFile()).at("/settings/rig").asText());
        assertTrue(err.toString().contains("E124") && err.toString().contains("checks passed"), err.toString());
        assertTrue(err.toString().contains("the photo is taken for the view 'front' (azimuth 270°, elevation 0°)"), err.toString());
    }

    @Test
    void pipelineCamerasAndReconstructorMustAgree() throws IOException {
        Path results = folder.resolve("results");
        assertEquals(ExitCode.BAD_INPUT, run("reconstruct", photo.toString(), "--pipeline", pipeline.toString(), "--weights", weights.toString(), "-o", results.toString()));
        assertTrue(err.toString().contains("MFL-E120") && err.toString().contains("--cameras"), "cameras are never guessed: " + err);
        assertEquals(ExitCode.BAD_INPUT, run("reconstruct", photo.toString(), "--pipeline", pipeline.toString(), "--weights", weights.toString(), "--cameras", "human6", "-o",
                results.toString()));
        assertTrue(err.toString().contains("MFL-E114: 6 cameras (human6) for 3 images"), err.toString());
        TinyWeights.write(weights, 2, DType.F16);
        assertEquals(ExitCode.BAD_INPUT, reconstruct(results, photo));
        assertTrue(err.toString().contains("MFL-E131"), err.toString());
        TinyWeights.write(weights, VIEWS, DType.F16);
        OpencvCameraFile.ofRig(new CameraRig("turned", Rings.turntable(5, 10, SIZE).cameras()).select(0, 2, 1)).write(rig);
        assertEquals(ExitCode.BAD_INPUT, reconstruct(results, sample));
        assertTrue(err.toString().contains("MFL-E122: view 1"), err.toString());
        assertFalse(Files.exists(results.resolve("mouse/gaussians.ply")));
    }

    @Test
    void photosWithoutAlpha() throws IOException {
        Path results = folder.resolve("results");
        Image8 grey = Image8.blank(SIZE, SIZE, 3);
        java.util.Arrays.fill(grey.data(), (byte) 120);
        PngWriter.write(folder.resolve("grey.png"), grey);
        assertEquals(ExitCode.BAD_INPUT, views(results, folder.resolve("grey.png")));
        assertTrue(err.toString().contains("MFL-E134") && err.toString().contains("0.47"), err.toString());
        assertEquals(0, views(results, folder.resolve("grey.png"), "--allow", "MFL-E134"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, views(results, folder.resolve("grey.png"), "--allow", "MFL-E134", "--auto-crop"));
        assertTrue(err.toString().contains("MFL-E134") && err.toString().contains("crop"), err.toString());
        assertEquals(ExitCode.USAGE, views(results, photo, "--allow", "MFL-E999"));
        assertEquals(ExitCode.USAGE, views(results, photo, "--eta", "2"));
        assertEquals(ExitCode.USAGE, views(results, photo, "--eta", "1", "--sampler", "DDPM"));
        assertTrue(err.toString().contains("DDPM always adds"), err.toString());
        Path scheduler = pipeline.resolve("scheduler/scheduler_config.json");
        Files.writeString(scheduler, Files.readString(scheduler).replaceFirst("\\{", "{\"_class_name\": \"PNDMScheduler\", "));
        assertEquals(0, views(results, photo), err.toString());
        assertTrue(err.toString().contains("record from where the photo must be taken"), err.toString());
        assertTrue(err.toString().contains("names PNDMScheduler; its numbers are used with DDIM"), err.toString());
    }

    @Test
    void theEvaluationComparesWithGuessesAndAnUpperBound() throws IOException {
        Path training = folder.resolve("training");
        List<Camera> cameras = SynthMouse.resized(Rings.turntable(5, 10, SIZE).cameras(), SIZE);
        sample(training.resolve("same"), cameras);
        Path results = folder.resolve("evaluation");
        assertEquals(0, run("evaluate", "reconstruct", "--data", sample.toString(), "--pipeline", pipeline.toString(), "--weights", weights.toString(), "--cameras",
                rig.toString(), "--steps", "2", "--seeds", "1,2", "--training", training.toString(), "-o", results.toString(), "--json"), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(report, new ObjectMapper().readTree(results.resolve("evaluation.json").toFile()));
        assertEquals(1.0 / VIEWS, report.at("/chance").asDouble(), 1e-12);
        assertTrue(report.at("/diversity").asDouble() > 0, "two seeds draw different views");
        JsonNode slots = report.get("slots");
        assertEquals(List.of(1, 2), slots.findValues("slot").stream().map(JsonNode::asInt).toList());
        for (String[] whole : new String[][] {{"diversity", "diversity"}, {"directions", "directions"}, {"mean/psnr", "views/generated/mean/psnr"}}) {
            assertEquals(report.at("/" + whole[1]).asDouble(), (slots.at("/0/" + whole[0]).asDouble() + slots.at("/1/" + whole[0]).asDouble()) / 2, 1e-9, whole[0]);
        }
        assertTrue(Math.abs(slots.at("/0/diversity").asDouble() - slots.at("/1/diversity").asDouble()) > 1e-6, slots.toString());
        assertFalse(slots.at("/0/direction").asText().isEmpty());
        // The training sample is the same mouse under another name: its views are the truth.
        assertTrue(report.at("/views/nearestSample/mean/ssim").asDouble() > 1 - 1e-9 && report.at("/views/nearestSample/mean/psnr").isNull(), out.toString());
        assertEquals(report.at("/novel/trueViews"), report.at("/novel/nearestSample"));
        assertTrue(report.at("/views/copyInput/mean/psnr").asDouble() > report.at("/views/generated/mean/psnr").asDouble(), out.toString());
        assertEquals(SIZE * 3, Images.read(results.resolve("mouse.png")).height());
        assertTrue(Files.exists(results.resolve("run.json")));
        JsonNode hashes = new ObjectMapper().readTree(results.resolve("weights.json").toFile());
        for (String network : List.of("unet", "vae", "gslrm")) {
            assertTrue(hashes.at("/" + network + "/sha256").asText().length() == 64 && hashes.at("/" + network + "/tensors").size() > 10, network);
        }

        assertEquals(0, run("evaluate", "views", "--data", sample.toString(), "--pipeline", pipeline.toString(), "--cameras", rig.toString(), "--steps", "2", "-o",
                results.toString()), err.toString());
        assertTrue(out.toString().contains("copyInput") && out.toString().lines().anyMatch(line -> line.matches("2 [a-z-]+ +[-0-9.]+ .* -")) && out.toString().contains("by chance 0.333") && !out.toString().contains("novel"), out.toString());
        Path vgg = folder.resolve("vgg16.safetensors");
        Path factors = folder.resolve("factors.safetensors");
        try (Scope scope = Scope.open("made-up VGG16")) {
            MadeUpVgg16.write(vgg, factors);
        }
        assertEquals(0, run("evaluate", "views", "--data", sample.toString(), "--pipeline", pipeline.toString(), "--cameras", rig.toString(), "--steps", "1", "-o",
                results.toString(), "--lpips", vgg + "," + factors, "--training", training.toString(), "--json"), err.toString());
        JsonNode distances = new ObjectMapper().readTree(out.toString()).get("views");
        assertEquals(0, distances.at("/nearestSample/mean/lpips").asDouble(), 1e-9, "the truth itself");
        assertTrue(distances.at("/white/mean/lpips").asDouble() > 1e-4 && distances.at("/generated/mean/lpips").asDouble() > 1e-4, distances.toString());
        assertEquals(ExitCode.BAD_INPUT, run("evaluate", "views", "--data", photo.toString(), "--pipeline", pipeline.toString(), "-o", results.toString()));
        assertTrue(err.toString().contains("MFL-D01"), err.toString());
    }

    @Test
    void theNearestTrueSlotIsFound() throws IOException {
        List<org.mouselift.pipeline.reconstruct.PosedView> views = org.mouselift.pipeline.reconstruct.PosedViewReader.sample(sample, SIZE);
        var truth = new org.mouselift.pipeline.evaluate.SlotTruth(views);
        List<Image8> turned = List.of(views.get(3).picture(), views.get(1).picture(), views.get(0).picture(), views.get(4).picture(), views.get(2).picture());
        assertEquals(List.of(3, 1, 0, 4, 2), truth.nearest(turned));
    }
}
