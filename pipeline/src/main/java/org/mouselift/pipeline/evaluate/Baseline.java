package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import org.mouselift.data.camera.Camera;

/**
 * A guess of a picture that never looks at the inputs. A reconstructor has to beat it: what it reaches says how much of a
 * score comes from the data set alone.
 */
public interface Baseline {
    /** Name in reports. */
    String name();

    /** The guess for a camera: [3,H,W] on white, in the size of the camera's intrinsics. */
    float[] picture(Camera camera) throws IOException;
}
