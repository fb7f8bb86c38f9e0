package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.pipeline.multiview.GeneratedViews;

/** Drawn views become a data set only if the first of them show what they were made from. */
class GeneratedDatasetTest {
    private static final int SIZE = 128;
    private static final int[] WHITE = {255, 255, 255};
    private static final CameraRig RIG = new CameraRig("human6", SynthMouse.resized(RigCatalog.human6().cameras(), SIZE));
    private static final DatasetSplit SPLIT = new DatasetSplit(DatasetSplit.Kind.RANDOM, 0.25, 1, 0);

    @TempDir
    Path folder;
    private final List<List<Image8>> mice = new ArrayList<>();
    private final List<GeneratedDataset.Source> sources = new ArrayList<>();
    private int drawn;

    @BeforeEach
    void render() {
        mice.addAll(java.util.Collections.nCopies(3, SynthMouse.of(MouseParameters.sample(31, 0, 0)).render(RIG.cameras()).stream()
                .map(v -> Composite.onto(new Image8(SIZE, SIZE, 4, v.rgba()), WHITE)).toList()));
        for (int i = 0; i < 8; i++) {
            sources.add(new GeneratedDataset.Source("sample_00001" + i, Path.of("photo" + i + ".png")));
        }
    }

    private GeneratedDataset set(String name, int steps) {
        ObjectNode settings = JsonNodeFactory.instance.objectNode().put("steps", steps);
        return new GeneratedDataset(folder.resolve(name), RIG, settings, List.of(), List.of());
    }

    /** The mouse has a mark that no other has: no two samples are the same. */
    private GeneratedViews right(GeneratedDataset.Source source, int index) {
        drawn++;
        List<Image8> views = new ArrayList<>(mice.get(index % 3));
        Image8 first = views.getFirst().toRgb();
        byte[] marked = first.data().clone();
        marked[3 * (SIZE / 2 * SIZE + SIZE / 2)] = (byte) (40 + index);
        views.set(0, new Image8(SIZE, SIZE, 3, marked));
        return new GeneratedViews(views.getFirst(), views);
    }

    /** A face where a mouse is asked for. */
    private GeneratedViews wrong(GeneratedDataset.Source source, int index) {
        drawn++;
        Image8 face = Image8.blank(SIZE, SIZE, 3);
        for (int i = 0; i < SIZE * SIZE; i++) {
            boolean inside = Math.hypot(i % SIZE - 64, (i / SIZE - 64) * 0.8) < 40;
            for (int c = 0; c < 3; c++) {
                face.data()[3 * i + c] = (byte) (inside ? 220 - 40 * c : 255);
            }
        }
        return new GeneratedViews(mice.get(index % 3).getFirst(), java.util.Collections.nCopies(6, face));
    }

    @Test
    void rightViewsBecomeADataSetThatCanBeChecked() throws IOException {
        List<GeneratedDataset.Judged> gate = new ArrayList<>();
        GeneratedDataset.Report r = set("good", 5).run(sources, this::right, SPLIT, false, gate::add, n -> { });
        assertEquals(List.of(8, 0, 6, 2), List.of(r.written(), r.kept(), r.train(), r.validation()));
        assertEquals(5, gate.size());
        assertTrue(gate.stream().noneMatch(GeneratedDataset.Judged::rejected), gate.toString());
        Path set = folder.resolve("good");
        assertEquals(6, SampleList.read(set.resolve("data_train.txt")).samples().size());
        DatasetCheck.Report check = new DatasetCheck(set, 0, false).run(n -> { });
        assertTrue(check.trainable(), check.problems().toString());
        assertEquals(List.of("generate"), check.chain());

        Files.move(set.resolve("sample_000016"), folder.resolve("elsewhere"));
        drawn = 0;
        assertEquals(7, set("good", 5).run(sources, this::right, SPLIT, false, g -> { }, n -> { }).kept());
        assertEquals(1, drawn, "only what is missing");
        assertTrue(assertThrows(MouseDataException.class, () -> set("good", 9).run(sources, this::right, SPLIT, false, g -> { }, n -> { })).getMessage().contains("steps is 5, wanted 9"));
    }

    @Test
    void otherThingsThanTheReferenceEndTheJobAtTheGate() throws IOException {
        MouseDataException e = assertThrows(MouseDataException.class, () -> set("faces", 5).run(sources, this::wrong, SPLIT, false, g -> { }, n -> { }));
        assertTrue(e.getMessage().contains("5 of the first 5 samples do not show what they were made from") && e.getMessage().contains("iou"), e.getMessage());
        assertEquals(GeneratedDataset.GATED, drawn, "nothing is drawn behind the gate");
        assertFalse(Files.exists(folder.resolve("faces/data_train.txt")), "no list, no training");
        drawn = 0;
        assertThrows(MouseDataException.class, () -> set("faces", 5).run(sources, this::right, SPLIT, false, g -> { }, n -> { }));
        assertEquals(0, drawn, "the gate is not forgotten by running again");
        assertEquals(3, set("faces", 5).run(sources, this::wrong, SPLIT, true, g -> { }, n -> { }).written());
        assertTrue(Files.readString(folder.resolve("faces/dataset.json")).contains("gate ignored"));
    }
}
