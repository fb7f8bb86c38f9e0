package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.LongConsumer;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Quantization;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.Reconstruction;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * The same pictures reconstructed with different cameras (mouse specification §7.10): the right cameras are those with which the Gaussians, seen from where the pictures
 * were taken, look like the pictures again. With wrong ones the Gaussians of one view stand in the way of the others.
 */
public final class CameraHypotheses {
    /**
     * One rig.
     *
     * @param metrics  mean over the input views
     * @param pictures the input views rendered again, RGB
     */
    public record Result(String name, ViewMetrics metrics, List<Image8> pictures) {}

    private CameraHypotheses() {}

    /** Slot 0 stays, the others run the other way round: the commonest mistake. */
    public static CameraRig reversed(CameraRig rig) {
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < rig.size(); i++) {
            cameras.add(rig.get((rig.size() - i) % rig.size()));
        }
        return new CameraRig(rig.id() + " reversed", cameras);
    }

    /**
     * @param files    one picture for each camera of every rig
     * @param rigs     by the names they are to be shown under
     * @param progress told 1 for each rig
     * @return in the order of the rigs
     */
    public static List<Result> run(GsLrmWeights weights, List<Path> files, Map<String, CameraRig> rigs, int size, LongConsumer progress) throws IOException {
        List<Result> out = new ArrayList<>();
        for (Map.Entry<String, CameraRig> e : rigs.entrySet()) {
            List<PosedView> views = PosedViewReader.pictures(files, e.getValue(), size);
            Reconstruction r = Reconstruction.of(weights, views);
            List<ViewMetrics> metrics = new ArrayList<>();
            List<Image8> pictures = new ArrayList<>();
            for (PosedView v : views) {
                float[] rendering = r.render(v.camera());
                metrics.add(ViewMetrics.of(rendering, v));
                pictures.add(Quantization.ROUND.fromChw(clamped(rendering), 3, size, size));
            }
            out.add(new Result(e.getKey(), ViewMetrics.mean(metrics), List.copyOf(pictures)));
            progress.accept(1);
        }
        return List.copyOf(out);
    }

    private static float[] clamped(float[] values) {
        float[] out = values.clone();
        for (int i = 0; i < out.length; i++) {
            out[i] = Math.clamp(out[i], 0f, 1f);
        }
        return out;
    }
}
