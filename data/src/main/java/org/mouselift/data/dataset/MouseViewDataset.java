package org.mouselift.data.dataset;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;
import java.util.stream.IntStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.CameraException;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.UpAlignment;
import org.mouselift.data.camera.UpMethod;

/**
 * Mouse samples (mouse specification §6.5, GS-LRM specification §5.4): views 0, 1, 2, ... in fixed order, automatic masks,
 * augmentation, and normalisation of the cameras of the loaded views.
 */
public final class MouseViewDataset extends MultiViewDataset {
    private static final System.Logger LOG = System.getLogger(MouseViewDataset.class.getName());

    /**
     * @param imageSize side of the pictures
     * @param numViews views per item: 0 .. numViews - 1
     * @param removeAlpha drop the stored alpha after compositing
     * @param maskThreshold levels above it in all channels are background, for {@code autoMask}
     * @param requireAlpha fail when an item would have no alpha
     * @param alignUp turn the world so that up becomes +Z ({@code normalize_cameras})
     * @param legacyYUp +Y instead ({@code normalize_to_z_up: false})
     * @param geometry how the cameras come to {@code targetDistance}; {@link GeometryMode#NONE} keeps them. The original
     *     always uses {@link GeometryMode#PER_CAMERA_LEGACY}. Modes that warp pictures belong to preprocessing.
     * @param augmentation for training; {@link ViewAugmentation#NONE} otherwise
     * @param depthViews so many first views come with their known depth, 0 for none; needs the stored cameras and pictures as they
     *     are (no {@code alignUp}, geometry or augmentation)
     */
    public record Options(int imageSize, int numViews, BackgroundColor background, boolean removeAlpha, AutoMask autoMask, int maskThreshold,
                          boolean requireAlpha, boolean alignUp, boolean legacyYUp, GeometryMode geometry, double targetDistance,
                          ViewAugmentation augmentation, int depthViews) {
        /** Without known depth. */
        public Options(int imageSize, int numViews, BackgroundColor background, boolean removeAlpha, AutoMask autoMask, int maskThreshold,
                       boolean requireAlpha, boolean alignUp, boolean legacyYUp, GeometryMode geometry, double targetDistance,
                       ViewAugmentation augmentation) {
            this(imageSize, numViews, background, removeAlpha, autoMask, maskThreshold, requireAlpha, alignUp, legacyYUp, geometry, targetDistance,
                    augmentation, 0);
        }

        /** The defaults of the {@code mouse:} block, with exact geometry. */
        public static Options of(int imageSize, int numViews) {
            return new Options(imageSize, numViews, BackgroundColor.WHITE, false, AutoMask.FROM_SOURCE, 250, false, true, false, GeometryMode.SIMILARITY, 2.7,
                    ViewAugmentation.NONE);
        }

        public Options {
            if (numViews < 1) {
                throw new IllegalArgumentException("dataset: num_views " + numViews + " must be positive");
            }
            if (geometry.warpsImages()) {
                throw new IllegalArgumentException("mouse: geometry mode " + geometry.id() + " warps pictures; apply it when the data set is made");
            }
            if (depthViews < 0 || depthViews > numViews) {
                throw new IllegalArgumentException("dataset: depth of " + depthViews + " views, expected 0 to num_views " + numViews);
            }
            if (depthViews > 0 && (alignUp || geometry != GeometryMode.NONE || !augmentation.equals(ViewAugmentation.NONE))) {
                throw new IllegalArgumentException("depth_loss_weight needs cameras and pictures as they are stored: set mouse.normalize_cameras: false,"
                        + " target_camera_distance: 0 and no augmentation, or depth_loss_weight: 0");
            }
            if (geometry != GeometryMode.NONE && !(targetDistance > 0 && targetDistance < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException("mouse.target_camera_distance: " + targetDistance + " must be positive, or the geometry mode none");
            }
        }
    }

    private final Options options;
    private final SampleViews.Treatment treatment;
    private final int[] views;
    private final Set<String> reported = ConcurrentHashMap.newKeySet();

    public MouseViewDataset(SampleList samples, Options options, int maxBadSamples) {
        super(samples, maxBadSamples);
        this.options = options;
        this.treatment = new SampleViews.Treatment(options.imageSize, options.removeAlpha, options.autoMask, options.maskThreshold, options.requireAlpha);
        this.views = IntStream.range(0, options.numViews).toArray();
    }

    @Override
    MultiViewItem load(int sample, RandomGenerator random) throws IOException {
        Path folder = samples().samples().get(sample);
        SampleViews sampleViews = SampleViews.open(folder, options.numViews);
        float[] background = options.background.draw(random);
        SampleViews.Loaded loaded = sampleViews.load(views, treatment, BackgroundColor.toBytes(background), options.augmentation.draw(random));
        CameraRig rig;
        try {
            rig = normalized(folder, loaded.rig());
        } catch (CameraException e) {
            throw new DatasetException(e.code(), folder, "cameras cannot be normalised: " + e.getMessage(), "", e);
        }
        float[] depth = sampleViews.depth(Arrays.copyOf(views, options.depthViews), options.imageSize);
        return sampleViews.item(loaded, rig, views, sample, background, depth);
    }

    private CameraRig normalized(Path folder, CameraRig stored) throws IOException {
        CameraRig rig = stored;
        if (options.alignUp) {
            UpAlignment aligned = UpAlignment.of(rig, upMethod(folder, rig), options.legacyYUp ? Vector3D.PLUS_J : Vector3D.PLUS_K);
            for (String warning : aligned.warnings()) {
                if (reported.add(folder + warning.substring(0, Math.min(20, warning.length())))) {
                    LOG.log(Level.WARNING, "{0}: {1}", folder, warning);
                }
            }
            rig = aligned.rig();
        }
        return switch (options.geometry) {
            case NONE -> rig;
            case SIMILARITY -> RigNormalization.similarity(rig, options.targetDistance);
            case PER_CAMERA_LEGACY -> RigNormalization.perCameraLegacy(rig, options.targetDistance);
            case PER_CAMERA_DOLLY -> RigNormalization.perCameraDolly(rig, options.targetDistance);
            case VIRTUAL_LOOKAT, VIRTUAL_LOOKAT_DOLLY -> throw new IllegalStateException("refused by Options: " + options.geometry);
        };
    }

    /** Measured vertical lines of the data set, else the plane of the cameras, else (fewer than three) their mean up. */
    private static UpMethod upMethod(Path folder, CameraRig rig) throws IOException {
        Path parent = folder.toAbsolutePath().normalize().getParent();
        Optional<Path> lines = Optional.ofNullable(parent).map(p -> p.resolve(VerticalLines.FILE_NAME)).filter(Files::isRegularFile);
        if (lines.isPresent()) {
            return new UpMethod.Explicit(VerticalLines.upDirection(lines.get()), VerticalLines.FILE_NAME);
        }
        return rig.size() >= 3 ? new UpMethod.Pca() : new UpMethod.MeanCameraUp();
    }
}
