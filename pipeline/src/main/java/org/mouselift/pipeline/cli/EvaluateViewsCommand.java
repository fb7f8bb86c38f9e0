package org.mouselift.pipeline.cli;

import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import picocli.CommandLine.Command;

/** {@code mouselift evaluate views}: the multi-view pipeline alone. */
@Command(
        name = "views",
        mixinStandardHelpOptions = true,
        description = "Measure the views that a multi-view pipeline draws of photos whose other views are known.",
        sortOptions = false,
        footer = {"", "The first view of a sample is the photo, the next ones are the truth of the slots. Beside the generated",
            "views stand the photo copied into every slot, the views of the training sample with the nearest photo",
            "(--training), and white.",
            "Directions: share of generated views that are nearer to their own true view than to any other slot's.", "",
            "evaluation.json, and --json: views (mean and median of psnr, ssim, foregroundPsnr, maskIou, and lpips",
            "with --lpips, of generated, copyInput, nearestSample, white), directions, chance (what guessing",
            "reaches), diversity (root mean squared difference between seeds; null with one), slots (mean, directions",
            "and diversity of every slot but the photo's own), perSample. Null stands for what is not defined.", "",
            "Example:", "  mouselift evaluate views --data unseen --pipeline pipeckpts --training data_train.txt --seeds 1,2 -o eval"})
final class EvaluateViewsCommand extends MultiViewEvaluationCommand {
    @Override
    GsLrmWeights weights() {
        return null;
    }

    @Override
    List<String> check(GsLrmWeights weights, MultiViewPipeline pipeline, CameraRig rig, String name) {
        if (rig.size() != pipeline.views()) {
            throw CommandException.badInput("MFL-E114: " + rig.size() + " cameras (" + name + ") for the " + pipeline.views() + " views that the pipeline draws",
                    "Name the rig of the pipeline's training with --cameras.");
        }
        return List.of();
    }
}
