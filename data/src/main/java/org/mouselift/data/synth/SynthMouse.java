package org.mouselift.data.synth;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.engine.cpu.Workers;

/**
 * A synthetic mouse that can be looked at from any side: training data and ground truth without files. The world is Z-up in
 * model units, the mouse is centred at the origin within [-0.8, 0.8]³ and, at yaw 0, faces −Y. Colours do not depend on the
 * viewing direction.
 *
 * <p>Immutable; views of one mouse may be rendered by several threads.
 */
public final class SynthMouse {
    /**
     * Version of the mice: raised when a seed and an index no longer give the mouse they gave before, so that data sets of two
     * versions are never mixed.
     */
    public static final int POPULATION = 1;

    private final MouseParameters parameters;
    private final MouseShape shape;

    private SynthMouse(MouseParameters parameters) {
        this.parameters = Objects.requireNonNull(parameters, "parameters");
        this.shape = MouseAnatomy.shape(parameters);
    }

    /** Mouse {@code index} of the population {@code seed}, facing −Y. */
    public static SynthMouse of(long seed, long index) {
        return of(MouseParameters.sample(seed, index, 0));
    }

    public static SynthMouse of(MouseParameters parameters) {
        return new SynthMouse(parameters);
    }

    public MouseParameters parameters() {
        return parameters;
    }

    public MouseShape shape() {
        return shape;
    }

    /** One view in the size of the camera's intrinsics, on the calling thread. */
    public MouseView render(Camera camera) {
        return new SphereTracer(shape, parameters, camera).render();
    }

    /** All views, in the order of the cameras, in parallel. The result does not depend on the number of threads. */
    public List<MouseView> render(List<Camera> cameras) {
        MouseView[] views = new MouseView[cameras.size()];
        Workers.each(views.length, (worker, i) -> views[i] = render(cameras.get(i)));
        return Arrays.asList(views);
    }

    /** Views of mouse {@code index} of the population {@code seed}, each {@code size × size} pixels. */
    public static List<MouseView> render(long seed, long index, List<Camera> cameras, int size) {
        return of(seed, index).render(resized(cameras, size));
    }

    /** The same cameras with square images of {@code size} pixels: the centre square of each image, resized. */
    public static List<Camera> resized(List<Camera> cameras, int size) {
        List<Camera> list = new ArrayList<>(cameras.size());
        for (Camera c : cameras) {
            list.add(c.withIntrinsics(c.intrinsics().centerCrop().resize(size, size)));
        }
        return list;
    }

    /** {@link #resized(List, int)} for a rig. */
    public static CameraRig resized(CameraRig rig, int size) {
        return new CameraRig(rig.id(), resized(rig.cameras(), size));
    }
}
