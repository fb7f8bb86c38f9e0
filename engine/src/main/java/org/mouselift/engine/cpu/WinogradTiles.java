package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.DType;

/**
 * The tiles of 2x2 results that a step of {@link Winograd} or {@link WinogradWeightGradient} takes together: tile rows
 * [row, row + tileRows) of some images. Knows the pixels that its tiles read and write, and lays planes out channels-last.
 */
final class WinogradTiles {
    private static final int L = VectorWidth.LANES;
    private static final int MR = MicroKernel.MR;

    /** Where the pixels of every tile begin when {@code width} channels belong to each. */
    private record Table(int width, int[] at) {}

    /** Sizes of the planes that are read and written; result pixel (i, j) reads source pixels from (i - top, j - left) on. */
    record Planes(int rows, int cols, int resultRows, int resultCols, int top, int left) {
        int tileRows() {
            return Math.ceilDiv(resultRows, 2);
        }

        int tileCols() {
            return Math.ceilDiv(resultCols, 2);
        }

        long tiles() {
            return (long) tileRows() * tileCols();
        }
    }

    /** How many images, or tile rows of one image, make a block of about the given number of tiles. */
    record Cut(Planes planes, long batch, long groups, int rowBlocks, int rowsAtOnce) {
        static Cut of(Planes planes, long batch, long tiles) {
            int rowBlocks = (int) Math.ceilDiv(planes.tileRows(), Math.max(1, tiles / planes.tileCols()));
            int rowsAtOnce = Math.ceilDiv(planes.tileRows(), rowBlocks);
            return new Cut(planes, batch, Math.ceilDiv(batch, Math.clamp(tiles / planes.tiles(), 1, batch)), Math.ceilDiv(planes.tileRows(), rowsAtOnce), rowsAtOnce);
        }

        long blocks() {
            return groups * rowBlocks;
        }

        /** @param last the block that the caller had before, whose tables serve again where the shape is the same; or null */
        WinogradTiles block(long index, WinogradTiles last) {
            long group = index / rowBlocks;
            int row = (int) (index % rowBlocks) * rowsAtOnce;
            long image = batch * group / groups;
            WinogradTiles tiles = new WinogradTiles(planes, image, (int) (batch * (group + 1) / groups - image), row, Math.min(rowsAtOnce, planes.tileRows() - row));
            if (last != null && last.images == tiles.images && last.row == tiles.row && last.tileRows == tiles.tileRows) {
                tiles.sourceTable = last.sourceTable;
                tiles.resultTable = last.resultTable;
            }
            return tiles;
        }
    }

    private final Planes planes;
    private final long image;
    private final int images;
    private final int row;
    private final int tileRows;
    /** First source row that the tiles read, and pixels of an image that they read and write. */
    private final int low;
    private final int sourcePixels;
    private final int resultPixels;
    private Table sourceTable;
    private Table resultTable;
    /** Tiles, and the same rounded up to whole register tiles. */
    final int count;
    final int room;

    private WinogradTiles(Planes planes, long image, int images, int row, int tileRows) {
        this.planes = planes;
        this.image = image;
        this.images = images;
        this.row = row;
        this.tileRows = tileRows;
        count = images * tileRows * planes.tileCols();
        room = Math.ceilDiv(count, MR) * MR;
        low = Math.clamp(2L * row - planes.top, 0, planes.rows);
        sourcePixels = (Math.clamp(2L * (row + tileRows) + 2 - planes.top, low, planes.rows) - low) * planes.cols;
        resultPixels = (Math.min(planes.resultRows, 2 * (row + tileRows)) - 2 * row) * planes.resultCols;
    }

    /** At least {@code n} floats, and such that 16 arrays so far apart begin on different sets of the first cache level. */
    static int apart(long n) {
        return Math.toIntExact((Math.ceilDiv(n, 16) | 1) * 16);
    }

    /** Result pixels of all images. */
    int results() {
        return images * resultPixels;
    }

    /**
     * Channels [first, first + some) of the source planes [N, channels, rows, cols] as [pixel, width], zero behind the last channel,
     * and a zero pixel behind the last pixel.
     */
    float[] sources(MemorySegment x, long offset, int channels, int first, int some, int width, Scratch scratch) {
        return channelsLast(x, offset + (long) low * planes.cols, (long) planes.rows * planes.cols, sourcePixels, channels, first, some, width, scratch);
    }

    /** As above, of planes that lie like the results. */
    float[] gradients(MemorySegment dy, long offset, int channels, int first, int some, int width, Scratch scratch) {
        return channelsLast(dy, offset + 2L * row * planes.resultCols, (long) planes.resultRows * planes.resultCols, resultPixels, channels, first, some, width,
                scratch);
    }

    private float[] channelsLast(MemorySegment x, long offset, long plane, int pixels, int channels, int first, int some, int width, Scratch scratch) {
        int depth = images * pixels;
        int pitch = depth + L;
        float[] lines = scratch.floats(Scratch.CONV + 3, (long) L * pitch);
        float[] turned = scratch.floats(Scratch.CONV + 4, (long) (depth + 1) * width);
        Arrays.fill(turned, depth * width, (depth + 1) * width, 0f);
        for (int c = 0; c < width; c += L) {
            int lanes = Math.clamp(some - c, 0, L);
            for (int i = 0; i < lanes; i++) {
                for (int n = 0; n < images; n++) {
                    long from = offset + ((image + n) * channels + first + c + i) * plane;
                    MemorySegment.copy(x, DType.LE_F32, from * 4, lines, i * pitch + n * pixels, pixels);
                }
            }
            Arrays.fill(lines, lanes * pitch, L * pitch, 0f);
            if (depth >= L) {
                Transposition.rows(lines, 0, pitch, depth, turned, c, width, L);
            } else {
                for (int i = 0; i < L; i++) {
                    Panels.lane(lines, i * pitch, depth, width, turned, c + i);
                }
            }
        }
        return turned;
    }

    /** Stores results [pixel, width], with L pixels of room behind the last, as channels [first, first + some) of [N, channels, rows, cols]. */
    void write(float[] result, int width, MemorySegment y, long offset, int channels, int first, int some, Scratch scratch) {
        int pixels = Math.ceilDiv(images * resultPixels, L) * L;
        float[] lines = scratch.floats(Scratch.CONV + 3, (long) width * pixels);
        for (int p = 0; p < pixels; p += L) {
            Transposition.rows(result, p * width, width, width, lines, p, pixels, L);
        }
        long plane = (long) planes.resultRows * planes.resultCols;
        for (int c = 0; c < some; c++) {
            for (int n = 0; n < images; n++) {
                long to = offset + ((image + n) * channels + first + c) * plane + 2L * row * planes.resultCols;
                MemorySegment.copy(lines, c * pixels + n * resultPixels, y, DType.LE_F32, to * 4, resultPixels);
            }
        }
    }

    /** Where the {@code width} channels of the 16 source pixels of each tile begin; those outside of the image at the zero pixel. */
    int[] sourcePixels(int width) {
        if (sourceTable == null || sourceTable.width != width) {
            sourceTable = new Table(width, sourceTable(width));
        }
        return sourceTable.at;
    }

    private int[] sourceTable(int width) {
        int[] at = new int[16 * count];
        int outside = images * sourcePixels * width;
        for (int n = 0, i = 0; n < images; n++) {
            for (int r = row; r < row + tileRows; r++) {
                for (int c = 0; c < planes.tileCols(); c++) {
                    for (int k = 0; k < 4; k++) {
                        int y = 2 * r + k - planes.top;
                        for (int l = 0; l < 4; l++) {
                            int x = 2 * c + l - planes.left;
                            boolean inside = y >= 0 && y < planes.rows && x >= 0 && x < planes.cols;
                            at[i++] = inside ? (n * sourcePixels + (y - low) * planes.cols + x) * width : outside;
                        }
                    }
                }
            }
        }
        return at;
    }

    /** Where the {@code width} channels of the 4 result pixels of each tile begin; those outside of the image behind the last pixel. */
    int[] resultPixels(int width) {
        if (resultTable == null || resultTable.width != width) {
            resultTable = new Table(width, resultTable(width));
        }
        return resultTable.at;
    }

    private int[] resultTable(int width) {
        int[] at = new int[4 * count];
        int outside = images * resultPixels * width;
        for (int n = 0, i = 0; n < images; n++) {
            for (int r = 0; r < tileRows; r++) {
                for (int c = 0; c < planes.tileCols(); c++) {
                    for (int k = 0; k < 4; k++) {
                        int y = 2 * r + k / 2;
                        int x = 2 * c + k % 2;
                        boolean inside = 2 * row + y < planes.resultRows && x < planes.resultCols;
                        at[i++] = inside ? (n * resultPixels + y * planes.resultCols + x) * width : outside;
                    }
                }
            }
        }
        return at;
    }
}
