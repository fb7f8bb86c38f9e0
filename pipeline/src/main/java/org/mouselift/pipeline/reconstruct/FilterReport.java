package org.mouselift.pipeline.reconstruct;

import java.util.ArrayList;
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
 */
public record FilterReport(int before, int opacity, int scale, int floaters, int box, int kept) {
    private static final double SUSPICIOUS = 0.3;

    /** Applies the filters one after the other. */
    static FilterReport of(GaussianCloud cloud, GaussianFilter filter) {
        int opaque = new GaussianFilter(filter.opacity(), null, null, null, null).kept(cloud).length;
        int small = new GaussianFilter(filter.opacity(), filter.scaling(), null, null, null).kept(cloud).length;
        int settled = new GaussianFilter(filter.opacity(), filter.scaling(), filter.floater(), null, null).kept(cloud).length;
        int inside = new GaussianFilter(filter.opacity(), filter.scaling(), filter.floater(), filter.crop(), null).kept(cloud).length;
        return new FilterReport(cloud.count(), cloud.count() - opaque, opaque - small, small - settled, settled - inside, inside);
    }

    static FilterReport unfiltered(GaussianCloud cloud) {
        return new FilterReport(cloud.count(), 0, 0, 0, 0, cloud.count());
    }

    /**
     * Complaints about filters that took more than 30 % (mouse specification §7). Transparent Gaussians are not among them:
     * most pixels of a picture show its background.
     */
    public List<String> warnings() {
        List<String> warnings = new ArrayList<>();
        int left = before - opacity;
        warn(warnings, "scale", scale, left, "the subject may be too large or too coarse");
        left -= scale;
        warn(warnings, "floater", floaters, left, "the subject may not be centred at the origin");
        left -= floaters;
        warn(warnings, "box", box, left, "the subject reaches out of the box: centre and scale the cameras (--normalize)");
        if (kept == 0) {
            warnings.add("the filters removed every Gaussian: the file is empty");
        }
        return warnings;
    }

    private static void warn(List<String> warnings, String name, int removed, int of, String meaning) {
        if (removed > SUSPICIOUS * of) {
            warnings.add(String.format(Locale.ROOT, "the %s filter removed %d %% of the Gaussians: %s", name, Math.round(100.0 * removed / of), meaning));
        }
    }
}
