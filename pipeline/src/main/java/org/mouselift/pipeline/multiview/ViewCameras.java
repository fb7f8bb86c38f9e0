package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.PoseEncoding;
import org.mouselift.models.unet.CameraEmbedding;
import org.mouselift.models.unet.UNetConfig;

/** The cameras of an object's views, for a UNet that is told them (mouse specification §9.3). */
public final class ViewCameras {
    private static final double SAME = 1e-6;

    private ViewCameras() {}

    /**
     * The first cameras of a file.
     *
     * @param views so many
     * @throws MultiViewException MFL-E114 for a file with fewer
     */
    public static CameraRig read(Path file, int views) throws IOException {
        CameraRig rig = OpencvCameraFile.read(file, OpencvCameraFile.Options.RIG).rig(file.toString());
        if (rig.size() < views) {
            throw new MultiViewException("MFL-E114", file, "has " + rig.size() + " cameras, and the network is told those of " + views + " views", "give one camera per view");
        }
        return rig.select(IntStream.range(0, views).toArray());
    }

    /** The cameras of a sample's views. */
    public static CameraRig ofSample(Path sample, int views) throws IOException {
        Path file = sample.resolve(OpencvCameraFile.FILE_NAME);
        if (!Files.isRegularFile(file)) {
            throw new MultiViewException("MFL-E114", sample, "has no " + OpencvCameraFile.FILE_NAME + ", and the network is told its cameras (camera_embedding)",
                    "add the file, or train without camera_embedding");
        }
        return read(file, views);
    }

    /** True if all numbers of two rigs agree but for rounding. */
    public static boolean same(CameraRig a, CameraRig b) {
        for (int v = 0; v < a.size(); v++) {
            for (PoseEncoding e : new PoseEncoding[] {PoseEncoding.EXTRINSIC, PoseEncoding.PLUCKER}) {
                double[] x = e.of(a.get(v));
                double[] y = e.of(b.get(v));
                if (IntStream.range(0, x.length).anyMatch(i -> Math.abs(x[i] - y[i]) > SAME)) {
                    return false;
                }
            }
        }
        return a.size() == b.size();
    }

    /**
     * What a UNet reads of its cameras [V,{@link UNetConfig#cameraNumbers}], row after row.
     *
     * @param first camera of the first row; the others follow around the object
     */
    public static float[] numbers(CameraRig rig, UNetConfig unet, int first) {
        int each = unet.cameraNumbers();
        float[] out = new float[Math.multiplyExact(rig.size(), each)];
        for (int v = 0; v < rig.size(); v++) {
            int at = v * each;
            for (CameraEmbedding.Encoding e : unet.cameraEmbedding()) {
                double[] own = PoseEncoding.valueOf(e.name()).of(rig.get((first + v) % rig.size()));
                if (own.length != e.numbers()) {
                    throw new IllegalStateException(e + " is " + own.length + " numbers, the network expects " + e.numbers() + ": " + Arrays.toString(own));
                }
                for (double x : own) {
                    out[at++] = (float) x;
                }
            }
        }
        return out;
    }
}
