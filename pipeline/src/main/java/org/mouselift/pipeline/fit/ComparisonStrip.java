package org.mouselift.pipeline.fit;

import java.util.List;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Quantization;

/** Pictures above their renderings above four times their absolute difference (on black), one column per view. */
final class ComparisonStrip {
    private static final float GAIN = 4;

    private ComparisonStrip() {}

    /** @param renderings one per view, [3,H,W] */
    static Image8 of(List<FitView> views, List<float[]> renderings) {
        int width = views.stream().mapToInt(FitView::width).sum(), height = views.stream().mapToInt(FitView::height).max().orElse(1);
        Image8 out = Image8.blank(Math.max(1, width), 3 * height, 3);
        int left = 0;
        for (int i = 0; i < views.size(); i++) {
            FitView view = views.get(i);
            float[] rendering = renderings.get(i), difference = new float[rendering.length];
            for (int k = 0; k < difference.length; k++) {
                difference[k] = GAIN * Math.abs(Math.clamp(rendering[k], 0f, 1f) - view.rgb()[k]);
            }
            int row = 0;
            for (float[] planes : List.of(view.rgb(), rendering, difference)) {
                paste(Quantization.ROUND.fromChw(planes, 3, view.height(), view.width()), out, left, row);
                row += height;
            }
            left += view.width();
        }
        return out;
    }

    private static void paste(Image8 from, Image8 to, int left, int top) {
        for (int y = 0; y < from.height(); y++) {
            System.arraycopy(from.data(), 3 * y * from.width(), to.data(), 3 * ((top + y) * to.width() + left), 3 * from.width());
        }
    }
}
