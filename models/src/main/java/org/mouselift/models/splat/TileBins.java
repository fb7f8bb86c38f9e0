package org.mouselift.models.splat;

import java.util.Arrays;
import org.mouselift.engine.cpu.Workers;

/**
 * The depth-ordered list of splats of every tile (GS-LRM specification §2.3), made for one band of tiles at a time: a band is
 * a range of tiles in raster order whose lists together stay under a limit (a single tile may exceed it), so that scenes
 * with more than 2³¹ tile entries need bounded memory.
 */
final class TileBins {
    /** Lists that hold every splat so often are made from splats in depth order; sorting list by list is quicker below. */
    private static final int LONG_LISTS = 8;

    private final DepthOrder order = new DepthOrder();
    private boolean ordered;
    private int gx, tiles, rows;
    private int[] rects = new int[0];
    private float[] depths = new float[0];
    /** One a worker: depth bits and row of the splats of a list. */
    private long[][] keys = new long[0][];
    private int[] counts = new int[0];
    private int[] difference = new int[0];
    private int[] cursors = new int[0];
    private int[] list = new int[0];
    private int[] starts = new int[0];
    private int bandBegin, bandEnd;
    private long entries;

    /** Packs a rectangle: columns {@code [x0, x1)} and rows {@code [y0, y1)} in tiles. */
    static void pack(int[] rects, int splat, int x0, int y0, int x1, int y1) {
        rects[2 * splat] = x0 | x1 << 16;
        rects[2 * splat + 1] = y0 | y1 << 16;
    }

    static int low(int packed) {
        return packed & 0xffff;
    }

    static int high(int packed) {
        return packed >>> 16;
    }

    /** Memory of the buffers. */
    long bytes() {
        long sum = order.bytes() + 4L * (counts.length + difference.length + cursors.length + list.length + starts.length);
        for (long[] k : keys) {
            sum += 8L * k.length;
        }
        return sum;
    }

    /** Counts the entries of all tiles for the rows of a table whose depth is positive; the rectangles of the others are empty. */
    void count(int tilesX, int tilesY, int rows, int visible, float[] depths, int[] rects) {
        this.gx = tilesX;
        this.tiles = tilesX * tilesY;
        this.rows = rows;
        this.depths = depths;
        this.rects = rects;
        bandBegin = bandEnd = 0;
        int pitch = tilesX + 1, cells = pitch * (tilesY + 1), parts = Workers.count();
        difference = atLeast(difference, Math.multiplyExact(cells, parts));
        counts = atLeast(counts, tiles);
        int[] d = difference;
        Arrays.fill(d, 0, cells * parts, 0);
        Workers.split(rows, 4096, (worker, begin, end) -> {
            int base = worker * cells;
            for (int i = (int) begin; i < end; i++) {
                int xs = rects[2 * i], ys = rects[2 * i + 1];
                int top = base + low(ys) * pitch, bottom = base + high(ys) * pitch;
                d[top + low(xs)]++;
                d[top + high(xs)]--;
                d[bottom + low(xs)]--;
                d[bottom + high(xs)]++;
            }
        });
        for (int p = 1; p < parts; p++) {
            for (int i = 0; i < cells; i++) {
                d[i] += d[p * cells + i];
            }
        }
        entries = 0;
        for (int y = 0; y < tilesY; y++) {
            int run = 0;
            for (int x = 0; x < tilesX; x++) {
                run += d[y * pitch + x];
                int n = run + (y > 0 ? counts[(y - 1) * tilesX + x] : 0);
                counts[y * tilesX + x] = n;
                entries += n;
            }
        }
        ordered = entries > (long) LONG_LISTS * visible;
        if (ordered) {
            order.sort(depths, rows);
        }
    }

    /** Entries of all tile lists together. */
    long entries() {
        return entries;
    }

    /** Length of the list of a tile, valid after {@link #count}. */
    int count(int tile) {
        return counts[tile];
    }

    /** Exclusive end of the band that begins at a tile and has at most {@code limit} entries, or one tile. */
    int bandEnd(int begin, int limit) {
        long sum = counts[begin];
        int end = begin + 1;
        while (end < tiles && sum + counts[end] <= limit) {
            sum += counts[end++];
        }
        return end;
    }

    /** Makes the lists of the tiles {@code [begin, end)}; does nothing when they are there already. */
    void fill(int begin, int end) {
        if (begin == bandBegin && end == bandEnd) {
            return;
        }
        int size = ordered ? order.size() : rows;
        int span = end - begin, parts = size < 1 << 14 ? 1 : Workers.count();
        starts = atLeast(starts, span + 1);
        long total = 0;
        for (int t = 0; t < span; t++) {
            starts[t] = Math.toIntExact(total);
            total += counts[begin + t];
        }
        starts[span] = Math.toIntExact(total);
        list = atLeast(list, starts[span]);
        cursors = atLeast(cursors, Math.multiplyExact(span, parts));
        int[] ids = ordered ? order.ids() : null, c = cursors;
        if (parts > 1) {
            Workers.each(parts, (worker, part) -> {
                Arrays.fill(c, part * span, (part + 1) * span, 0);
                walk(ids, cut(size, part, parts), cut(size, part + 1, parts), begin, end, c, part * span, null);
            });
        }
        for (int t = 0; t < span; t++) {
            int at = starts[t];
            for (int p = 0; p < parts; p++) {
                int n = parts > 1 ? c[p * span + t] : 0;
                c[p * span + t] = at;
                at += n;
            }
        }
        int[] out = list;
        Workers.each(parts, (worker, part) -> walk(ids, cut(size, part, parts), cut(size, part + 1, parts), begin, end, c, part * span, out));
        if (!ordered) {
            keys = keys.length == 0 ? new long[Workers.count()][0] : keys;
            Workers.each(span, (worker, t) -> sort(worker, starts[t], starts[t + 1]));
        }
        bandBegin = begin;
        bandEnd = end;
    }

    /** Sorts a list front to back; equal depths keep ascending row, since keys hold both. */
    private void sort(int worker, int begin, int end) {
        int n = end - begin;
        if (n < 2) {
            return;
        }
        if (keys[worker].length < n) {
            keys[worker] = new long[n + n / 4];
        }
        long[] k = keys[worker];
        for (int i = 0; i < n; i++) {
            k[i] = (long) Float.floatToRawIntBits(depths[list[begin + i]]) << 32 | list[begin + i];
        }
        Arrays.sort(k, 0, n);
        for (int i = 0; i < n; i++) {
            list[begin + i] = (int) k[i];
        }
    }

    /** Makes the list of a tile, with those of the tiles after it up to {@code limit} entries, unless it is there already. */
    void ensure(int tile, int limit) {
        if (tile < bandBegin || tile >= bandEnd) {
            fill(tile, bandEnd(tile, limit));
        }
    }

    private static int cut(int size, int part, int parts) {
        return (int) ((long) size * part / parts);
    }

    /** Advances the cursor of every tile of every splat of a stretch of the order, or of the rows without one; writes the splat there if {@code out} is given. */
    private void walk(int[] ids, int from, int to, int begin, int end, int[] cursor, int base, int[] out) {
        int rowBegin = begin / gx, rowEnd = (end - 1) / gx + 1;
        for (int i = from; i < to; i++) {
            int g = ids == null ? i : ids[i], xs = rects[2 * g], ys = rects[2 * g + 1];
            for (int y = Math.max(low(ys), rowBegin), yEnd = Math.min(high(ys), rowEnd); y < yEnd; y++) {
                int first = Math.max(y * gx + low(xs), begin), last = Math.min(y * gx + high(xs), end);
                for (int t = first; t < last; t++) {
                    int at = cursor[base + t - begin]++;
                    if (out != null) {
                        out[at] = g;
                    }
                }
            }
        }
    }

    /** Splat numbers of the current band; the list of tile t is {@code [start(t), start(t + 1))}. */
    int[] list() {
        return list;
    }

    int start(int tile) {
        return starts[tile - bandBegin];
    }

    private static int[] atLeast(int[] array, int size) {
        return array.length >= size ? array : new int[(int) Math.min(Integer.MAX_VALUE - 16, size + size / 4L)];
    }
}
