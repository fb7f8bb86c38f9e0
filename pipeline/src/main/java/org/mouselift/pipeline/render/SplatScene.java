package org.mouselift.pipeline.render;

import java.lang.foreign.ValueLayout;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.image.Image16;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Quantization;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.splat.GaussianParameters;
import org.mouselift.models.splat.SplatCamera;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatRasterizer;

/**
 * Gaussians of a file, ready to be looked at from any camera. Not thread-safe: one scene renders one view at a time, on
 * all threads. Close it where it may have drawn {@linkplain #picture pictures} on a device.
 */
public final class SplatScene implements AutoCloseable {
    /** Finest unit of the 16-bit depth pictures, in world units. */
    private static final double FINEST_DEPTH_UNIT = 1e-4;
    private static final int DEPTH_LEVELS = 65_535;

    private final GaussianCloud cloud;
    private final GaussianParameters gaussians;
    private final SplatRasterizer rasterizer = new SplatRasterizer();
    private PlacedScene placed;

    public SplatScene(GaussianCloud cloud) {
        this.cloud = cloud;
        this.gaussians = parameters(cloud);
    }

    /** The raw parameters of a cloud as the renderer takes them; the arrays are shared. */
    public static GaussianParameters parameters(GaussianCloud cloud) {
        return GaussianParameters.of(cloud.degree(), cloud.xyz(), cloud.scaling(), cloud.rotation(), cloud.opacity(), cloud.features());
    }

    /** A camera as the renderer takes it. */
    public static SplatCamera camera(Camera camera) {
        Intrinsics k = camera.intrinsics();
        double[][] c2w = camera.pose().c2w();
        double[] flat = new double[16];
        for (int i = 0; i < 16; i++) {
            flat[i] = c2w[i / 4][i % 4];
        }
        return new SplatCamera(k.width(), k.height(), k.fx(), k.fy(), k.cx(), k.cy(), flat);
    }

    /** The same cameras with pictures of another size; the field of view stays. */
    public static CameraRig resized(CameraRig rig, int width, int height) {
        return rig.map(camera -> camera.withIntrinsics(camera.intrinsics().resize(width, height)));
    }

    /** What a camera sees: colours over black (that is, multiplied by alpha), alpha and depth. */
    public View look(Camera camera) {
        SplatCamera splatCamera = camera(camera);
        SplatImage image = SplatImage.allocate(splatCamera.width(), splatCamera.height());
        rasterizer.render(gaussians, splatCamera, new float[3], 1, image);
        return new View(image);
    }

    /** What a camera sees over a plain background (red, green, blue in [0,1]), drawn where this thread computes; truncated to 8 bits. */
    public Image8 picture(Camera camera, float[] background) {
        if (Placement.current() == null) {
            return look(camera).over(background);
        }
        if (placed == null) {
            placed = new PlacedScene(cloud);
        }
        return Quantization.TRUNCATE.fromChw(placed.over(camera, background), 3, camera.intrinsics().height(), camera.intrinsics().width());
    }

    /** Frees what pictures needed on a device. */
    @Override
    public void close() {
        if (placed != null) {
            placed.close();
            placed = null;
        }
    }

    /** One rendered picture. */
    public static final class View {
        private final int width;
        private final int height;
        private final float[] rgb;
        private final float[] alpha;
        private final float[] depth;

        private View(SplatImage image) {
            this.width = image.width();
            this.height = image.height();
            this.rgb = image.rgbArray();
            this.alpha = image.alpha().toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
            this.depth = image.normalisedDepth();
        }

        /** The picture over a plain background (red, green, blue in [0,1]), truncated to 8 bits as the original does. */
        public Image8 over(float[] background) {
            float[] composited = new float[rgb.length];
            int pixels = alpha.length;
            for (int i = 0; i < rgb.length; i++) {
                composited[i] = Math.fma(1 - alpha[i % pixels], background[i / pixels], rgb[i]);
            }
            return Quantization.TRUNCATE.fromChw(composited, 3, height, width);
        }

        /** The picture with a transparent background, RGBA with straight (not multiplied) colours. */
        public Image8 transparent() {
            int pixels = alpha.length;
            float[] straight = new float[4 * pixels];
            for (int i = 0; i < pixels; i++) {
                for (int c = 0; c < 3; c++) {
                    straight[c * pixels + i] = alpha[i] > 0 ? rgb[c * pixels + i] / alpha[i] : 0;
                }
                straight[3 * pixels + i] = alpha[i];
            }
            return Quantization.ROUND.fromChw(straight, 4, height, width);
        }

        /** Alpha as a grey picture. */
        public Image8 alpha() {
            return Quantization.ROUND.fromChw(alpha, 1, height, width);
        }

        /** Mean depth along the camera's z axis in steps of {@code unit}, 16 bits, 0 where nothing is seen. */
        public Image16 depth(double unit) {
            short[] steps = new short[depth.length];
            for (int i = 0; i < steps.length; i++) {
                steps[i] = alpha[i] > 0.5f ? (short) Math.clamp(Math.round(depth[i] / unit), 1, DEPTH_LEVELS) : 0;
            }
            return new Image16(width, height, 1, steps);
        }

        /** World units a step of a depth picture that holds this view: 1e-4 unless something is too far away for that. */
        public double depthUnit() {
            double far = 0;
            for (int i = 0; i < depth.length; i++) {
                far = alpha[i] > 0.5f ? Math.max(far, depth[i]) : far;
            }
            return Math.max(FINEST_DEPTH_UNIT, far / DEPTH_LEVELS);
        }
    }
}
