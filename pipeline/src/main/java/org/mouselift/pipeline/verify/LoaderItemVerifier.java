package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.SplittableRandom;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.dataset.AutoMask;
import org.mouselift.data.dataset.BackgroundColor;
import org.mouselift.data.dataset.MouseViewDataset;
import org.mouselift.data.dataset.MultiViewItem;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.dataset.ViewAugmentation;
import org.mouselift.data.golden.Comparison;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/** Complete items of the mouse loader from the published sample, in the original's modes. Needs the sample. */
public final class LoaderItemVerifier implements CaseVerifier {

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.entry(file).path("arguments").has("size") && folder.declares(file, "image")
                && folder.declares(file, "fxfycxcy") && folder.declares(file, "index");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Optional<Path> sample = SampleImageVerifier.sample(c.folder());
        if (sample.isEmpty()) {
            return c.expected().stream().map(name -> CheckResult.skipped(name, "the published sample is not present: "
                    + c.folder().index().path("title").asText())).toList();
        }
        JsonNode arguments = c.entry().get("arguments");
        double distance = arguments.path("dist").asDouble(0);
        MouseViewDataset.Options options = new MouseViewDataset.Options(arguments.get("size").asInt(), (int) c.shape("c2w")[0],
                BackgroundColor.parse(arguments.path("bg").asText("white")), arguments.path("remove_alpha").asBoolean(false), AutoMask.ORIGINAL, 250, false,
                arguments.path("norm").asBoolean(false), false, distance > 0 ? GeometryMode.PER_CAMERA_LEGACY : GeometryMode.NONE, distance, ViewAugmentation.NONE);
        MultiViewItem item = new MouseViewDataset(SampleList.of(sample.get()), options, 0).get(0, new SplittableRandom(0));
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            Comparison comparison = switch (name) {
                case "image" -> c.compare(name, item.images());
                case "c2w" -> c.compare(name, flat(item.c2w()));
                case "fxfycxcy" -> c.compare(name, flat(item.fxfycxcy()));
                case "index" -> c.compare(name, java.util.Arrays.stream(item.index()).flatMapToLong(java.util.Arrays::stream).toArray());
                case "bg_color" -> c.compare(name, item.background());
                default -> Comparison.failure(name, c.tolerance(name), "this verifier has no rule for a tensor of this name");
            };
            checks.add(CheckResult.of(comparison));
        }
        return checks;
    }

    private static float[] flat(float[][] rows) {
        float[] out = new float[rows.length * rows[0].length];
        for (int i = 0; i < out.length; i++) {
            out[i] = rows[i / rows[0].length][i % rows[0].length];
        }
        return out;
    }
}
