package org.mouselift.pipeline.video;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.PriorityQueue;
import org.mouselift.data.image.Image8;

/**
 * The at most 256 colours that stand for a picture: Heckbert's median cut over a histogram of 5 bits a channel, splitting
 * the box with the largest squared error at the mean of its widest axis. The background (the colour of the corners) is kept exactly, so
 * that a plain background stays plain.
 */
final class Palette {
    private static final int BITS = 5;
    private static final int CELLS = 1 << 3 * BITS;

    private final int[] colours;
    /** Palette entry of every histogram cell. */
    private final byte[] entries = new byte[CELLS];
    private final int background;

    private Palette(int[] colours, int background) {
        this.colours = colours;
        this.background = background;
    }

    /** Sums over the pixels of one histogram cell; the colour is their mean. */
    private record Cell(int index, long count, double red, double green, double blue) {
        double channel(int axis) {
            return axis == 0 ? red : axis == 1 ? green : blue;
        }
    }

    private record Box(List<Cell> cells, double[] mean, int axis, double error) {
        static Box of(List<Cell> cells) {
            double weight = 0;
            double[] mean = new double[3];
            for (Cell cell : cells) {
                weight += cell.count;
                for (int axis = 0; axis < 3; axis++) {
                    mean[axis] += cell.count * cell.channel(axis);
                }
            }
            double[] spread = new double[3];
            for (int axis = 0; axis < 3; axis++) {
                mean[axis] /= weight;
                for (Cell cell : cells) {
                    double distance = cell.channel(axis) - mean[axis];
                    spread[axis] += cell.count * distance * distance;
                }
            }
            int widest = spread[0] >= spread[1] && spread[0] >= spread[2] ? 0 : spread[1] >= spread[2] ? 1 : 2;
            return new Box(cells, mean, widest, spread[0] + spread[1] + spread[2]);
        }
    }

    static Palette of(Image8 frame) {
        long[] count = new long[CELLS];
        long[][] sum = new long[3][CELLS];
        byte[] rgb = frame.data();
        for (int i = 0; i < rgb.length; i += 3) {
            int cell = cell(rgb[i] & 255, rgb[i + 1] & 255, rgb[i + 2] & 255);
            count[cell]++;
            for (int c = 0; c < 3; c++) {
                sum[c][cell] += rgb[i + c] & 255;
            }
        }
        int background = backgroundOf(frame);
        List<Cell> cells = new ArrayList<>();
        for (int i = 0; i < CELLS; i++) {
            if (count[i] > 0) {
                cells.add(new Cell(i, count[i], sum[0][i] / (double) count[i], sum[1][i] / (double) count[i], sum[2][i] / (double) count[i]));
            }
        }
        List<Box> boxes = cut(cells, 255);
        int[] colours = new int[boxes.size() + 1];
        Palette palette = new Palette(colours, background);
        for (int k = 0; k < boxes.size(); k++) {
            double[] mean = boxes.get(k).mean;
            colours[k + 1] = (int) Math.round(mean[0]) << 16 | (int) Math.round(mean[1]) << 8 | (int) Math.round(mean[2]);
            for (Cell cell : boxes.get(k).cells) {
                palette.entries[cell.index] = (byte) (k + 1);
            }
        }
        colours[0] = background;
        return palette;
    }

    private static List<Box> cut(List<Cell> cells, int most) {
        PriorityQueue<Box> queue = new PriorityQueue<>(Comparator.comparingDouble(Box::error).reversed());
        queue.add(Box.of(cells));
        while (queue.size() < most && queue.peek().error > 0) {
            Box box = queue.remove();
            double at = box.mean[box.axis];
            queue.add(Box.of(box.cells.stream().filter(cell -> cell.channel(box.axis) < at).toList()));
            queue.add(Box.of(box.cells.stream().filter(cell -> cell.channel(box.axis) >= at).toList()));
        }
        return List.copyOf(queue);
    }

    /** The colour that most corners share. */
    private static int backgroundOf(Image8 frame) {
        int[] corner = {Pixels.colour(frame, 0, 0), Pixels.colour(frame, frame.width() - 1, 0), Pixels.colour(frame, 0, frame.height() - 1),
            Pixels.colour(frame, frame.width() - 1, frame.height() - 1)};
        int best = corner[0];
        int votes = 0;
        for (int candidate : corner) {
            int same = 0;
            for (int other : corner) {
                same += candidate == other ? 1 : 0;
            }
            if (same > votes) {
                votes = same;
                best = candidate;
            }
        }
        return best;
    }

    /** Number of colours, 1 … 256. */
    int size() {
        return colours.length;
    }

    /** Colour of an entry as 0xRRGGBB. */
    int colour(int entry) {
        return colours[entry];
    }

    /** The entry that stands for a colour of the picture. */
    int entry(int colour) {
        return colour == background ? 0 : entries[cell(colour >> 16, colour >> 8 & 255, colour & 255)] & 255;
    }

    private static int cell(int red, int green, int blue) {
        return red >> 8 - BITS << 2 * BITS | green >> 8 - BITS << BITS | blue >> 8 - BITS;
    }
}
