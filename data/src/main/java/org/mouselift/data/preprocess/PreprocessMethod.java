package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;

/**
 * One of the ways to prepare the views of a sample (mouse specification §3). A method changes pictures, and says what that does to
 * the cameras.
 */
public interface PreprocessMethod {
    /** The name in provenance and on the command line. */
    String id();

    /** Whether pictures and cameras agree exactly afterwards. */
    Contract contract();

    /**
     * Prepares one sample.
     *
     * @param views   RGBA unless the method makes the alpha itself
     * @param cameras one per view
     * @throws PreprocessException if the sample cannot be prepared; it fails as a whole
     */
    Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException;

    /** What happens to the cameras (mouse specification §3.1, geometry contract). */
    enum Contract {
        /** They are rewritten with the pictures: the 3D geometry is preserved. */
        EXACT,
        /** They are left alone although the pictures move: for Stage 1 and for reproduction only. */
        FROZEN;

        public String id() {
            return name().toLowerCase(java.util.Locale.ROOT);
        }
    }

    /**
     * A prepared sample.
     *
     * @param blockName key of the provenance block in the camera file
     * @param clipped   per view the share of the mask that was lost at the border, 0 … 1
     */
    record Outcome(List<Image8> images, CameraRig cameras, String blockName, ObjectNode block, double[] clipped) {
        public Outcome {
            images = List.copyOf(images);
        }
    }

    /** The mask of each view. @throws PreprocessException without alpha, or with an empty mask */
    static MaskStatistics[] masks(List<Image8> views, int threshold) throws PreprocessException {
        MaskStatistics[] out = new MaskStatistics[views.size()];
        for (int i = 0; i < out.length; i++) {
            if (!views.get(i).hasAlpha()) {
                throw new PreprocessException("no_alpha_channel", "view " + i + " has no alpha; run add-alpha first");
            }
            out[i] = MaskStatistics.of(views.get(i), threshold);
            if (out[i].isEmpty()) {
                throw new PreprocessException("empty_mask", "view " + i + " shows no subject");
            }
        }
        return out;
    }
}
