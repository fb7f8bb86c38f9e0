package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.pipeline.multiview.TinyPipeline;
import picocli.CommandLine;

class CheckpointCommandTest {
    @TempDir Path temporary;
    private Path root;
    private Path data;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    /** A training of five checkpoints from a data set, and weights exported from the fourth, and a second training from these weights. */
    @BeforeEach
    void place() throws IOException {
        root = Files.createDirectories(temporary.resolve("checkpoints"));
        data = Files.createDirectories(temporary.resolve("mice-v2")).resolve("data_train.txt");
        Files.writeString(data, "mouse_0\n");
        for (long step : List.of(900L, 1000L, 9000L, 10000L, 12000L)) {
            provenance(step == 1000 ? 25.5 : 20, Provenance.Parent.of("data", data)).write(weights(ckpt(step), step));
        }
        Path export = root.resolve("gslrm/mouse/weights");
        weights(export.resolve("model.safetensors"), 1);
        Files.writeString(export.resolve("config.yaml"), "model: {}");
        provenance(20, Provenance.Parent.of("checkpoint", ckpt(10000))).write(export);
        Path second = root.resolve("gslrm/second/ckpt_0000000000000100.safetensors");
        provenance(21, Provenance.Parent.of("start", export.resolve("model.safetensors"))).write(weights(second, 3));
        Path alone = root.resolve("gslrm/alone/ckpt_0000000000000100.pt");
        Files.createDirectories(alone.getParent());
        Files.writeString(alone, "not a checkpoint at all");
    }

    private static Provenance provenance(double psnr, Provenance.Parent... parents) {
        Provenance all = Provenance.empty().with(JsonNodeFactory.instance.objectNode().put("model", "gslrm").put("val/psnr", psnr));
        for (Provenance.Parent parent : parents) {
            all = all.with(parent);
        }
        return all;
    }

    private Path ckpt(long step) {
        return root.resolve(String.format("gslrm/mouse/ckpt_%s.safetensors", step));
    }

    private static Path weights(Path file, float value) throws IOException {
        Files.createDirectories(file.getParent());
        new SafetensorsWriter().add("w", new long[] {2}, new float[] {value, 1}).write(file);
        return file;
    }

    private int run(String... arguments) {
        CommandLine command = Mouselift.commandLine();
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private JsonNode listing() throws IOException {
        assertEquals(ExitCode.OK, run("checkpoint", "list", root.toString(), "--json"), err.toString());
        return new ObjectMapper().readTree(out.toString()).get("artefacts");
    }

    private String state(String name) throws IOException {
        for (JsonNode artefact : listing()) {
            if (artefact.get("name").asText().equals(name)) {
                return artefact.get("state").asText();
            }
        }
        throw new AssertionError(name + " is not in " + out);
    }

    @Test
    void theListIsSortedByNumberAndSaysWhatIsKnown() throws IOException {
        List<String> names = listing().findValuesAsText("name").stream().filter(n -> n.startsWith("gslrm/")).toList();
        assertEquals(List.of("gslrm/alone/ckpt_0000000000000100.pt", "gslrm/mouse/ckpt_12000.safetensors", "gslrm/mouse/ckpt_10000.safetensors",
                "gslrm/mouse/ckpt_9000.safetensors", "gslrm/mouse/ckpt_1000.safetensors", "gslrm/mouse/ckpt_900.safetensors", "gslrm/mouse/weights",
                "gslrm/second/ckpt_0000000000000100.safetensors"), names);
        assertEquals(ExitCode.OK, run("checkpoint", "list", root.toString()));
        String text = out.toString();
        assertTrue(text.contains("gslrm/mouse/ckpt_1000.safetensors") && text.contains("ok       step 1000; val/psnr 25.500; from data ../../../mice-v2/data_train.txt"), text);
        assertTrue(text.contains("DAMAGED  step 100; no provenance recorded; ") && text.contains("8 artefacts"), text);
        assertEquals(ExitCode.BAD_INPUT, run("checkpoint", "list", root.resolve("gslrn").toString()));
        assertTrue(err.toString().startsWith("error: no such folder of checkpoints: " + root.resolve("gslrn") + "; available checkpoints: "), err.toString());
    }

    @Test
    void showListsParentsFilesAndDescendants() throws IOException {
        assertEquals(ExitCode.OK, run("checkpoint", "show", root.toString(), "gslrm/mouse/ckpt_10000.safetensors"), err.toString());
        String text = out.toString();
        assertTrue(text.contains("parent    data " + data) && text.contains("file      ckpt_10000.safetensors, ") && text.contains("protected parent of gslrm/mouse/weights"), text);
        assertTrue(text.contains("child     gslrm/mouse/ckpt_12000.safetensors") && text.contains("child     gslrm/second/ckpt_0000000000000100.safetensors"), text);
        assertFalse(text.contains("child     gslrm/mouse/ckpt_9000"), text);
        assertEquals(ExitCode.BAD_INPUT, run("checkpoint", "show", root.toString(), "gslrm/mouse/ckpt_1100.safetensors"));
        assertTrue(err.toString().contains("has no checkpoint 'gslrm/mouse/ckpt_1100.safetensors'; nearest: gslrm/mouse/ckpt_1000.safetensors"), err.toString());
    }

    @Test
    void verifyFindsOneFlippedByteAndMissingFiles() throws IOException {
        Files.delete(root.resolve("gslrm/alone/ckpt_0000000000000100.pt"));
        assertEquals(ExitCode.OK, run("checkpoint", "verify", root.toString()), out.toString());
        assertTrue(out.toString().contains("7 of 7 artefacts are as they were written"), out.toString());
        byte[] bytes = Files.readAllBytes(ckpt(9000));
        bytes[bytes.length - 1] ^= 1;
        Files.write(ckpt(9000), bytes);
        Files.delete(root.resolve("gslrm/mouse/weights/config.yaml"));
        assertEquals(ExitCode.CHECK_FAILED, run("checkpoint", "verify", root.toString()));
        assertTrue(out.toString().contains("BAD       gslrm/mouse/ckpt_9000.safetensors: ckpt_9000.safetensors has SHA-256 "), out.toString());
        assertEquals(ExitCode.OK, run("checkpoint", "verify", root.toString(), "gslrm/mouse/ckpt_900.safetensors"), out.toString());
    }

    @Test
    void artefactsOfOthersCanBeRecordedAndAreWatchedFromThenOn() throws IOException {
        Path foreign = weights(root.resolve("published/ckpt_21125.safetensors"), 5);
        String name = "published/ckpt_21125.safetensors";
        assertEquals(ExitCode.OK, run("checkpoint", "verify", root.toString(), name));
        assertTrue(out.toString().contains("no hashes " + name), out.toString());
        assertEquals(ExitCode.OK, run("checkpoint", "verify", root.toString(), name, "--record"));
        weights(foreign, 6);
        assertEquals(ExitCode.CHECK_FAILED, run("checkpoint", "verify", root.toString(), name));
        assertTrue(out.toString().contains("BAD       " + name), out.toString());
    }

    @Test
    void invalidationIsHandedOnRefusesLoadingAndCanBeTakenBack() throws IOException {
        String reason = "trained on human faces";
        assertEquals(ExitCode.USAGE, run("checkpoint", "invalidate", root.toString(), "gslrm/mouse/ckpt_10000.safetensors"));
        assertEquals(ExitCode.OK, run("checkpoint", "invalidate", root.toString(), "gslrm/mouse/ckpt_10000.safetensors", "--reason", reason, "--remedy", "take step 9000"));
        assertTrue(out.toString().contains("4 invalid: " + reason), out.toString());
        assertEquals("INVALID", state("gslrm/mouse/ckpt_12000.safetensors"));
        assertEquals("INVALID", state("gslrm/mouse/weights"));
        assertEquals("INVALID", state("gslrm/second/ckpt_0000000000000100.safetensors"));
        assertEquals("ok", state("gslrm/mouse/ckpt_9000.safetensors"));
        Path export = root.resolve("gslrm/mouse/weights");
        Path photo = temporary.resolve("mouse.png");
        PngWriter.write(photo, Image8.blank(32, 32, 4));
        Path pipeline = TinyPipeline.write(temporary.resolve("pipeckpts"), 3);
        assertEquals(ExitCode.BAD_INPUT, run("reconstruct", photo.toString(), "--cameras", "ring:n=3,elev=0,dist=2.7,fov=50", "--pipeline", pipeline.toString(), "--weights", export.toString()));
        String today = java.time.LocalDate.now(java.time.ZoneOffset.UTC).toString();
        assertEquals("error: MFL-E210: " + export + " was invalidated on " + today + " with its parent " + ckpt(10000) + ": " + reason
                + " (take step 9000; mouselift checkpoint invalidate --undo takes it back)", err.toString().substring(err.toString().indexOf("error: ")).strip());
        assertEquals(ExitCode.CHECK_FAILED, run("checkpoint", "verify", root.toString(), "gslrm/mouse/weights"));

        assertEquals(ExitCode.OK, run("checkpoint", "invalidate", root.toString(), "gslrm/mouse/ckpt_10000.safetensors", "--undo"), err.toString());
        assertEquals("ok", state("gslrm/mouse/weights"));
        assertEquals("ok", state("gslrm/second/ckpt_0000000000000100.safetensors"));
    }

    @Test
    void anInvalidDataSetReachesWhatWasTrainedOnItAndWhatIsMadeLater() throws IOException {
        assertEquals(ExitCode.OK, run("checkpoint", "invalidate", root.toString(), data.getParent().toString(), "--reason", "wrong UNet drew it"), err.toString());
        assertEquals("INVALID", state("gslrm/mouse/ckpt_900.safetensors"));
        assertEquals("INVALID", state("gslrm/second/ckpt_0000000000000100.safetensors"));
        // Made afterwards, in a place that the command did not see.
        Path later = temporary.resolve("elsewhere/ckpt_1.safetensors");
        provenance(1, Provenance.Parent.of("start", root.resolve("gslrm/mouse/weights/model.safetensors"))).write(weights(later, 9));
        assertEquals(ExitCode.OK, run("checkpoint", "list", later.getParent().toString()));
        assertTrue(out.toString().contains("INVALID") && out.toString().contains("was made from " + root.resolve("gslrm/mouse/weights/model.safetensors")), out.toString());
        // The list itself is refused by whoever trains on it.
        Path config = Files.writeString(temporary.resolve("c.yaml"), "training: {dataset: {dataset_path: " + data + "}}\n");
        assertEquals(ExitCode.BAD_INPUT, run("train", "gslrm", "--config", config.toString()));
        assertTrue(err.toString().contains("error: MFL-E210: " + data + " lies in " + data.getParent() + ", which was invalidated on "), err.toString());
    }

    @Test
    void pruningOnlySaysWhatItWouldDoAndThenMovesToTheTrash() throws IOException {
        assertEquals(ExitCode.OK, run("checkpoint", "tag", root.toString(), "gslrm/mouse/ckpt_900.safetensors", "keep", "paper"), err.toString());
        assertEquals(ExitCode.OK, run("checkpoint", "prune", root.toString(), "--keep", "1"), err.toString());
        String plan = out.toString();
        assertTrue(plan.contains("stays     gslrm/mouse/ckpt_12000.safetensors (newest)") && plan.contains("stays     gslrm/mouse/ckpt_10000.safetensors (parent of gslrm/mouse/weights)")
                && plan.contains("stays     gslrm/mouse/ckpt_1000.safetensors (best val/psnr)") && plan.contains("stays     gslrm/mouse/ckpt_900.safetensors (tagged keep, paper)"), plan);
        assertTrue(plan.contains("would go  gslrm/mouse/ckpt_9000.safetensors") && plan.contains("would go  gslrm/alone/ckpt_0000000000000100.pt")
                && plan.contains("2 of them, "), plan);
        assertTrue(Files.exists(ckpt(9000)), "a dry run moves nothing");
        byte[] bytes = Files.readAllBytes(ckpt(9000));

        assertEquals(ExitCode.OK, run("checkpoint", "prune", root.toString(), "--keep", "1", "--yes"), err.toString());
        assertFalse(Files.exists(ckpt(9000)) || Files.exists(Provenance.file(ckpt(9000))));
        Path trash;
        try (Stream<Path> list = Files.list(root.resolve(".trash"))) {
            trash = list.findFirst().orElseThrow();
        }
        assertTrue(Files.exists(trash.resolve("gslrm/mouse/ckpt_9000.safetensors")) && Files.exists(trash.resolve("gslrm/mouse/ckpt_9000.safetensors.provenance.json")));
        org.junit.jupiter.api.Assertions.assertArrayEquals(bytes, Files.readAllBytes(trash.resolve("gslrm/mouse/ckpt_9000.safetensors")));
        assertEquals(6, listing().size(), "the trash is not listed");
        assertEquals(ExitCode.USAGE, run("checkpoint", "prune", root.toString(), "--purge", "0"));
        assertEquals(ExitCode.OK, run("checkpoint", "prune", root.toString(), "--purge", "1", "--yes"));
        assertTrue(Files.exists(trash), "it has not been there for a day");
        assertEquals(ExitCode.OK, run("checkpoint", "prune", root.toString(), "--purge", "0", "--yes"));
        assertFalse(Files.exists(trash));
    }

    @Test
    void whatIsTaggedOrAParentStaysEvenIfItIsNamed() throws IOException {
        assertEquals(ExitCode.OK, run("checkpoint", "tag", root.toString(), "gslrm/mouse/ckpt_9000.safetensors", "best"));
        assertEquals(ExitCode.BAD_INPUT, run("checkpoint", "prune", root.toString(), "gslrm/mouse/ckpt_9000.safetensors", "--yes"));
        assertTrue(err.toString().contains("error: gslrm/mouse/ckpt_9000.safetensors stays: tagged best"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, run("checkpoint", "prune", root.toString(), "gslrm/mouse/ckpt_10000.safetensors", "--yes"));
        assertTrue(err.toString().contains("stays: parent of gslrm/mouse/weights"), err.toString());
        assertEquals(ExitCode.OK, run("checkpoint", "tag", root.toString(), "gslrm/mouse/ckpt_9000.safetensors", "best", "--remove"));
        assertEquals(ExitCode.OK, run("checkpoint", "prune", root.toString(), "gslrm/mouse/ckpt_9000.safetensors", "--yes"), err.toString());
        assertFalse(Files.exists(ckpt(9000)));
        assertEquals(ExitCode.USAGE, run("checkpoint", "tag", root.toString(), "gslrm/mouse/ckpt_900.safetensors", "Not A Tag"));
        assertEquals(ExitCode.BAD_INPUT, run("checkpoint", "tag", root.toString(), "gslrm/mouse/ckpt_900.safetensors", "keep", "--remove"));
        assertTrue(err.toString().contains("has no tag 'keep'; it has none"), err.toString());
    }
}
