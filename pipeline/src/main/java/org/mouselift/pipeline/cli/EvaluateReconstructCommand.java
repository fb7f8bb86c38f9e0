package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/** {@code mouselift evaluate reconstruct}: both stages, from the photo to cameras that no stage has seen. */
@Command(
        name = "reconstruct",
        mixinStandardHelpOptions = true,
        description = "Measure photo to Gaussians on samples with more views than the pipeline draws.",
        sortOptions = false,
        footer = {"", "As evaluate views, and the views beyond the slots compared with what is reconstructed from the generated",
            "views, from the true views (the upper bound), and from the views of the nearest training sample.", "",
            "evaluation.json, and --json: as of evaluate views, and novel: mean and median of psnr, ssim,",
            "foregroundPsnr, maskIou (and lpips) of generated, trueViews, nearestSample, white, over the views beyond",
            "the slots; with the first seed.", "",
            "Example:", "  mouselift evaluate reconstruct --data unseen --pipeline pipeckpts --training data_train.txt -o evaluation"})
final class EvaluateReconstructCommand extends MultiViewEvaluationCommand {
    @Mixin
    private WeightsArgument weightsArgument;

    @Override
    List<String> allowable() {
        return SamplingArguments.allowable(RigProvenance.CODE);
    }

    @Override
    GsLrmWeights weights() throws IOException {
        return weightsArgument.open();
    }

    @Override
    List<String> check(GsLrmWeights weights, MultiViewPipeline pipeline, CameraRig rig, String name) {
        return ReconstructCommand.requireMatch(weights, pipeline, rig, name, allows(RigProvenance.CODE));
    }
}
