package org.mouselift.pipeline.reconstruct;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.GaussianFilter;

/**
 * What the filters before export removed (GS-LRM specification §1.17): each counts what it took of what the ones before it
 * had left.
 *
 * @param before Gaussians of the network
 * @param kept Gaussians of the file
 * @param visible the same for the Gaussians that would be seen on white
 */
public record FilterReport(int before, int opacity, int scale, int floaters, int box, int kept, Visible visible) {
    private static final double SUSPICIOUS = 0.3;
    private static final double NEAR_WHITE = 0.1;
    private static final double SH_C0 = 0.28209479177387814;

    /**
     * Gaussians that passed the opacity filter and whose colour (without view dependence) differs from white by more than 0.1. A
     * network may fill the background of the pictures with white ones; nobody misses those.
     */
    public record Visible(int before, int scale, int floaters, int box) {}

    /** Applies the filters one after the other. */
    static FilterReport of(GaussianCloud cloud, GaussianFilter filter) {
        int[] opaque = new GaussianFilter(filter.opacity(), null, null, null, null).kept(cloud);
        int[] small = new GaussianFilter(filter.opacity(), filter.scaling(), null, null, null).kept(cloud);
        int[] settled = new GaussianFilter(filter.opacity(), filter.scaling(), filter.floater(), null, null).kept(cloud);
        int[] inside = new GaussianFilter(filter.opacity(), filter.scaling(), filter.floater(), filter.crop(), null).kept(cloud);
        int[] seen = Arrays.stream(new int[][] {opaque, small, settled, inside}).mapToInt(kept -> visible(cloud, kept)).toArray();
        return new FilterReport(cloud.count(), cloud.count() - opaque.length, opaque.length - small.length, small.length - settled.length,
                settled.length - inside.length, inside.length, new Visible(seen[0], seen[0] - seen[1], seen[1] - seen[2], seen[2] - seen[3]));
    }

    static FilterReport unfiltered(GaussianCloud cloud) {
        int[] all = java.util.stream.IntStream.range(0, cloud.count()).toArray();
        return new FilterReport(cloud.count(), 0, 0, 0, 0, cloud.count(), new Visible(visible(cloud, all), 0, 0, 0));
    }

    private static int visible(GaussianCloud cloud, int[] chosen) {
        float[] features = cloud.features();
        int each = features.length / Math.max(1, cloud.count());
        int count = 0;
        for (int i : chosen) {
            double difference = 0;
            for (int c = 0; c < 3; c++) {
                difference += Math.abs(1 - Math.clamp(0.5 + SH_C0 * features[i * each + c], 0, 1)) / 3;
            }
            count += difference > NEAR_WHITE ? 1 : 0;
        }
        return count;
    }

    /**
     * Complaints about filters that took more than 30 % of what is seen (mouse specification §7). Transparent Gaussians are not
     * among them: most pixels of a picture show its background.
     */
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>();
        int left = visible.before;
        warn(warnings, "scale", visible.scale, left, "the subject may be too large or too coarse");
        left -= visible.scale;
        warn(warnings, "floater", visible.floaters, left, "the subject may not be centred at the origin");
        left -= visible.floaters;
        warn(warnings, "box", visible.box, left, "the subject reaches out of the box: centre and scale the cameras (splat --normalize)");
        if (kept == 0) {
            warnings.add("the filters removed every Gaussian: the file is empty");
        }
        return warnings;
    }

    private static void warn(List<String> warnings, String name, int removed, int of, String meaning) {
        if (removed > SUSPICIOUS * of) {
            warnings.add(String.format(Locale.ROOT, "the %s filter removed %d %% of the Gaussians that are not white: %s", name,
                    Math.round(100.0 * removed / of), meaning));
        }
    }
}
