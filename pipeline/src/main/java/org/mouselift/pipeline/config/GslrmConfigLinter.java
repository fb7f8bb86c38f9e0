package org.mouselift.pipeline.config;

/**
 * What a configuration says that will not do what its author expects: the mistakes that cost the original's experiments
 * days (mouse specification §6.11). Warnings only: the files must stay usable as they are.
 */
final class GslrmConfigLinter {
    private GslrmConfigLinter() {}

    static void check(GslrmConfig config, ConfigSection root) {
        ConfigSection training = root.section("training");
        ConfigSection mouse = root.section("mouse");
        GslrmConfig.Losses losses = config.losses();
        if (config.dataset().removeAlpha() && (losses.maskedL2() || losses.maskedSsim() || losses.background() > 0)
                && !(config.mouse().useMouseDataset() && config.mouse().autoGenerateMask())) {
            training.section("dataset").warn("remove_alpha", "without alpha there is no mask, so the masked and background losses do nothing");
        }
        boolean mouseSettings = mouse.has("normalize_cameras") || mouse.has("target_camera_distance") || mouse.has("auto_generate_mask")
                || config.mouse().augmentation().enabled();
        if (mouseSettings && !config.mouse().useMouseDataset()) {
            root.warn("mouse", "use_mouse_dataset is not true, so nothing in this block has an effect");
        }
        GslrmConfig.Augmentation augmentation = config.mouse().augmentation();
        if (config.mouse().useMouseDataset() && augmentation.enabled() && (augmentation.flip() || augmentation.rotationDegrees() != 0)) {
            mouse.section("augmentation").warn("enabled", "flips and rotations of the picture are not applied to the cameras and corrupt the geometry");
        }
        if (config.dataset().numInputViews() == 1) {
            training.section("dataset").warn("num_input_views", "one input view is known to stall at 13 to 15 dB; 5 of 6 works");
        }
        if (config.mouse().useMouseDataset() && (losses.lpips() > 0 || losses.perceptual() > 0)) {
            training.section("losses").warn(losses.lpips() > 0 ? "lpips_loss_weight" : "perceptual_loss_weight",
                    "VGG losses made gradients explode on mouse images; L2 and SSIM 0.5 is the stable choice");
        }
        if (config.runtime().gradClipNorm() >= 100) {
            training.section("runtime").warn("grad_clip_norm", "a norm this large never clips");
        }
        GslrmConfig.Freeze freeze = config.freeze();
        if (freeze.enabled() && freeze.transformerUntil() == config.model().layers() && freeze.patchEmbedder()) {
            training.section("freeze_layers").warn("freeze_transformer_until", "only the heads train; this is known to collapse");
        }
        if (config.validation().enabled() && config.validation().datasetPath().isPresent()
                && config.validation().datasetPath().equals(config.dataset().datasetPath())) {
            root.section("validation").warn("dataset_path", "the same list as for training: validation will look too good");
        }
        int passes = config.schedule().maxPasses();
        int updates = passes / config.runtime().gradAccumSteps();
        if (config.schedule().warmup() >= updates) {
            training.section("schedule").warn("warmup", "the run has only " + updates + " updates, so the learning rate never reaches its value");
        }
    }
}
