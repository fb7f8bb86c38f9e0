package org.mouselift.pipeline.cli;

import java.util.List;
import java.util.Optional;
import org.mouselift.data.camera.Camera;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.RigProvenance;

/** MFL-E125: the cameras of the pictures are of the kind that the model was trained with. */
final class RigMatch {
    private RigMatch() {}

    /**
     * Fails when they are not, unless that is allowed.
     *
     * @param cameras of the input pictures, in the model's world
     * @return a warning, empty if all is well
     */
    static Optional<String> require(GsLrmWeights weights, String supplied, List<Camera> cameras, boolean allowed, String remedy) {
        if (weights.rig().isEmpty()) {
            return Optional.of("the cameras of its training are not recorded in " + weights.folder() + ": " + RigProvenance.CODE + " is not checked");
        }
        Optional<String> mismatch = weights.rig().get().mismatch(weights.folder().toString(), supplied, cameras);
        if (mismatch.isPresent() && !allowed) {
            throw CommandException.badInput(mismatch.get(), remedy);
        }
        return mismatch;
    }
}
