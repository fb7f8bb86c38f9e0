package org.mouselift.data.recording;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.data.preprocess.Resampling;

/**
 * The frames of one instant, each moved until the box around its subject is in the middle, all with one scale: that which makes the largest
 * side of all boxes {@code ratio} of the picture (mouse specification §2.10). The original kept wrong cameras; here they follow exactly.
 *
 * @param size  width and height of the pictures, pixels
 * @param ratio side of the largest box relative to the picture
 * @param alpha false: RGB on white, as the original wrote
 */
public record SubjectFraming(int size, double ratio, boolean alpha) {
    public SubjectFraming {
        if (size < 8 || size > 8192 || !(ratio > 0 && ratio <= 1)) {
            throw new IllegalArgumentException("subject framing: size " + size + ", ratio " + ratio + "; expected 8 to 8192 pixels and 0 < ratio ≤ 1");
        }
    }

    /** Pictures and their cameras; the poses are those that were given. */
    public record Result(List<Image8> images, List<Camera> cameras) {}

    /**
     * @param frames RGB or grey, with masks of their size (others are scaled to it) and cameras of whole frames
     * @throws EmptyMaskException naming the camera that does not see the subject
     */
    public Result apply(List<Image8> frames, List<Image8> masks, List<Camera> cameras) throws EmptyMaskException {
        List<Image8> whole = new ArrayList<>();
        List<MaskStatistics> boxes = new ArrayList<>();
        int side = 1;
        for (int i = 0; i < frames.size(); i++) {
            Image8 rgba = FramePreparation.wholeRgba(frames.get(i), masks.get(i));
            MaskStatistics m = MaskStatistics.of(rgba);
            if (m.isEmpty()) {
                throw new EmptyMaskException(i);
            }
            whole.add(rgba);
            boxes.add(m);
            side = Math.max(side, m.boxSide());
        }
        double s = ratio * size / side;
        List<Image8> images = new ArrayList<>();
        List<Camera> moved = new ArrayList<>();
        for (int i = 0; i < whole.size(); i++) {
            MaskStatistics m = boxes.get(i);
            // The frame becomes a whole number of pixels wide and high, and is pasted at a whole pixel.
            double sx = Math.max(1, (int) (m.width() * s)) / (double) m.width();
            double sy = Math.max(1, (int) (m.height() * s)) / (double) m.height();
            double tx = (int) (size / 2.0 - m.boxCenterX() * s) - 0.5 * (1 - sx);
            double ty = (int) (size / 2.0 - m.boxCenterY() * s) - 0.5 * (1 - sy);
            Image8 image = Resampling.affine(whole.get(i), sx, sy, tx, ty, size, size, Resampling.Mode.EXACT);
            images.add(alpha ? image : image.toRgb());
            moved.add(new ImageOperation.IndexAffine(sx, sy, tx, ty, size, size).apply(cameras.get(i)));
        }
        return new Result(List.copyOf(images), List.copyOf(moved));
    }

    /** A view without subject: the sample is left out. */
    public static final class EmptyMaskException extends Exception {
        private static final long serialVersionUID = 1L;

        EmptyMaskException(int camera) {
            super("camera " + camera + ": the mask is empty");
        }
    }
}
