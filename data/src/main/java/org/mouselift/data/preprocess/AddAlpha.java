package org.mouselift.data.preprocess;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;

/**
 * Makes the alpha channel of pictures on a plain background (mouse specification §3.5). Pictures that have one pass through.
 *
 * @param black       the background is black, not white
 * @param threshold   white: background where all channels are larger; black: where all are smaller
 * @param fillHoles   background that does not touch the border becomes subject (highlights inside the animal)
 * @param keepLargest only the largest connected part stays
 */
public record AddAlpha(boolean black, int threshold, boolean fillHoles, boolean keepLargest) implements PreprocessMethod {
    public static final int WHITE_THRESHOLD = 250;
    public static final int BLACK_THRESHOLD = 5;
    private static final double MIN_SHARE = 0.005;
    private static final double MAX_SHARE = 0.95;

    public AddAlpha {
        if (threshold < 0 || threshold > 255) {
            throw new IllegalArgumentException("add-alpha: threshold " + threshold + ", expected 0 to 255");
        }
    }

    @Override
    public String id() {
        return "add-alpha";
    }

    @Override
    public Contract contract() {
        return Contract.EXACT;
    }

    @Override
    public Outcome apply(List<Image8> views, CameraRig cameras) throws PreprocessException {
        List<Image8> out = new ArrayList<>();
        double smallest = 1;
        for (int i = 0; i < views.size(); i++) {
            Image8 image = views.get(i);
            BitSet subject = image.hasAlpha() ? opaque(image) : subject(image.toRgb());
            double share = (double) subject.cardinality() / (image.width() * image.height());
            if (share < MIN_SHARE || share > MAX_SHARE) {
                throw new PreprocessException("foreground_share", String.format(java.util.Locale.ROOT, "view %d has %.1f %% foreground, expected %.1f to %.0f %%"
                        + "; check the background colour and the threshold", i, 100 * share, 100 * MIN_SHARE, 100 * MAX_SHARE));
            }
            smallest = Math.min(smallest, share);
            out.add(image.hasAlpha() ? image.toRgba() : withAlpha(image.toRgb(), subject));
        }
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("method", "threshold").put("background", black ? "black" : "white")
                .put("threshold", threshold).put("fill_holes", fillHoles).put("keep_largest", keepLargest).put("smallest_foreground", smallest);
        return new Outcome(out, cameras, "add_alpha_info", block, new double[views.size()]);
    }

    private static BitSet opaque(Image8 image) {
        BitSet out = new BitSet();
        int c = image.channels();
        for (int i = 0; i < image.width() * image.height(); i++) {
            out.set(i, (image.data()[i * c + c - 1] & 0xFF) > 128);
        }
        return out;
    }

    private BitSet subject(Image8 rgb) {
        BitSet subject = new BitSet();
        for (int i = 0; i < rgb.width() * rgb.height(); i++) {
            boolean background = true;
            for (int c = 0; c < 3; c++) {
                int v = rgb.data()[3 * i + c] & 0xFF;
                background &= black ? v < threshold : v > threshold;
            }
            subject.set(i, !background);
        }
        int n = rgb.width() * rgb.height();
        if (fillHoles) {
            BitSet background = (BitSet) subject.clone();
            background.flip(0, n);
            for (BitSet part : parts(background, rgb.width(), rgb.height())) {
                if (!touchesBorder(part, rgb.width(), rgb.height())) {
                    subject.or(part);
                }
            }
        }
        if (keepLargest && !subject.isEmpty()) {
            subject = parts(subject, rgb.width(), rgb.height()).stream().max(java.util.Comparator.comparingInt(BitSet::cardinality)).orElseThrow();
        }
        return subject;
    }

    private static boolean touchesBorder(BitSet part, int w, int h) {
        return part.stream().anyMatch(i -> i % w == 0 || i % w == w - 1 || i / w == 0 || i / w == h - 1);
    }

    /** The 4-connected parts. */
    private static List<BitSet> parts(BitSet set, int w, int h) {
        List<BitSet> out = new ArrayList<>();
        BitSet left = (BitSet) set.clone();
        ArrayDeque<Integer> open = new ArrayDeque<>();
        for (int start = left.nextSetBit(0); start >= 0; start = left.nextSetBit(start)) {
            BitSet part = new BitSet();
            open.add(start);
            left.clear(start);
            while (!open.isEmpty()) {
                int i = open.poll();
                part.set(i);
                int x = i % w;
                visit(x > 0 ? i - 1 : -1, left, open);
                visit(x < w - 1 ? i + 1 : -1, left, open);
                visit(i - w, left, open);
                visit(i + w < w * h ? i + w : -1, left, open);
            }
            out.add(part);
        }
        return out;
    }

    private static void visit(int i, BitSet left, ArrayDeque<Integer> open) {
        if (i >= 0 && left.get(i)) {
            left.clear(i);
            open.add(i);
        }
    }

    private static Image8 withAlpha(Image8 rgb, BitSet subject) {
        Image8 out = rgb.toRgba();
        for (int i = 0; i < rgb.width() * rgb.height(); i++) {
            out.data()[4 * i + 3] = (byte) (subject.get(i) ? 255 : 0);
        }
        return out;
    }
}
