package org.mouselift.pipeline.train.diffusion;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;
import org.mouselift.data.image.Image8;

/**
 * Rows of views with words: at the left what a row shows, above each column which view it is (mouse specification §6.3). Small
 * pictures are enlarged by a whole factor, so that there is room for the words and the pixels stay what they are.
 */
final class LabelledViews {
    /** Least side of an enlarged picture. */
    static final int CELL = 120;
    /** Width left of the pictures. */
    static final int LEFT = 56;
    private static final int LINE = 15;
    private static final int FONT = 12;
    private static final int SMALLEST_FONT = 8;

    /**
     * One row.
     *
     * @param label what it shows
     * @param views side by side, as many as there are columns
     */
    record Row(String label, Image8 views) {}

    private LabelledViews() {}

    /** Height above the pictures under headings of so many lines. */
    static int top(int lines) {
        return lines * LINE + 6;
    }

    /** Factor by which pictures of a side are enlarged. */
    static int scale(int side) {
        return Math.max(1, (CELL + side - 1) / side);
    }

    /**
     * Draws.
     *
     * @param columns lines above each column
     * @param side of a view, in pixels
     */
    static BufferedImage of(List<Row> rows, List<List<String>> columns, int side) {
        int cell = side * scale(side);
        int top = top(columns.stream().mapToInt(List::size).max().orElse(0));
        BufferedImage out = new BufferedImage(LEFT + columns.size() * cell, top + rows.size() * cell, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = out.createGraphics();
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, out.getWidth(), out.getHeight());
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setColor(Color.BLACK);
        for (int c = 0; c < columns.size(); c++) {
            for (int l = 0; l < columns.get(c).size(); l++) {
                centred(g, columns.get(c).get(l), LEFT + c * cell, cell, (l + 1) * LINE);
            }
        }
        for (int r = 0; r < rows.size(); r++) {
            centred(g, rows.get(r).label, 0, LEFT, top + r * cell + cell / 2);
            Image8 views = rows.get(r).views;
            for (int y = 0; y < cell; y++) {
                for (int x = 0; x < columns.size() * cell; x++) {
                    int u = x * side / cell;
                    int v = y * side / cell;
                    out.setRGB(LEFT + x, top + r * cell + y, views.get(u, v, 0) << 16 | views.get(u, v, 1) << 8 | views.get(u, v, 2));
                }
            }
        }
        g.dispose();
        return out;
    }

    /** A line in the middle of a width, smaller if it would be wider. */
    private static void centred(Graphics2D g, String text, int x, int width, int baseline) {
        int size = FONT;
        g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, size));
        while (size > SMALLEST_FONT && g.getFontMetrics().stringWidth(text) > width - 4) {
            g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, --size));
        }
        g.drawString(text, x + Math.max(2, (width - g.getFontMetrics().stringWidth(text)) / 2), baseline);
    }
}
