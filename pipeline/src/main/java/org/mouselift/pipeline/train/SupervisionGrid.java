package org.mouselift.pipeline.train;

import java.awt.Color;
import java.awt.Font;
import java.awt.Graphics2D;
import java.awt.RenderingHints;
import java.awt.image.BufferedImage;
import java.util.List;

/**
 * The picture a person judges training by: columns are views; rows are ground truth, rendering and error map. Errors are
 * mean absolute differences over RGB on a blue–green–yellow–red ramp from 0 to 0.3 with a colour bar (mouse
 * specification §6.8).
 */
public final class SupervisionGrid {
    private static final double FULL_SCALE = 0.3;
    private static final int BAR = 20;
    private static final int LABELS = 64;

    private SupervisionGrid() {}

    /** One view: planar RGB [3,H,W] in [0,1]; values outside are clipped for display. */
    public record View(float[] truth, float[] rendering, int width, int height) {}

    /** Draws all views side by side. */
    public static BufferedImage draw(List<View> views) {
        int w = views.getFirst().width();
        int h = views.getFirst().height();
        BufferedImage out = new BufferedImage(w * views.size() + BAR + LABELS, 3 * h, BufferedImage.TYPE_INT_RGB);
        Graphics2D g = out.createGraphics();
        g.setColor(Color.WHITE);
        g.fillRect(0, 0, out.getWidth(), out.getHeight());
        double total = 0;
        for (int i = 0; i < views.size(); i++) {
            View v = views.get(i);
            if (v.width() != w || v.height() != h) {
                throw new IllegalArgumentException("supervision grid: view " + i + " is " + v.width() + "x" + v.height() + ", view 0 is " + w + "x" + h);
            }
            int plane = w * h;
            for (int p = 0; p < plane; p++) {
                int x = i * w + p % w;
                int y = p / w;
                out.setRGB(x, y, rgb(v.truth(), p, plane));
                out.setRGB(x, y + h, rgb(v.rendering(), p, plane));
                double e = 0;
                for (int c = 0; c < 3; c++) {
                    e += Math.abs(clip(v.truth()[c * plane + p]) - clip(v.rendering()[c * plane + p])) / 3;
                }
                total += e / plane / views.size();
                out.setRGB(x, y + 2 * h, ramp(e / FULL_SCALE));
            }
        }
        bar(g, w * views.size() + 4, 2 * h, h, total);
        g.dispose();
        return out;
    }

    private static void bar(Graphics2D g, int x, int y, int h, double mean) {
        int top = y + 8;
        int length = Math.max(8, h - 16);
        for (int i = 0; i < length; i++) {
            g.setColor(new Color(ramp(1 - i / (double) (length - 1))));
            g.fillRect(x, top + i, BAR, 1);
        }
        g.setRenderingHint(RenderingHints.KEY_TEXT_ANTIALIASING, RenderingHints.VALUE_TEXT_ANTIALIAS_ON);
        g.setFont(new Font(Font.SANS_SERIF, Font.PLAIN, 10));
        g.setColor(Color.BLACK);
        g.drawString("0.3", x + BAR + 3, top + 8);
        g.drawString("0.0", x + BAR + 3, top + length);
        int at = top + (int) Math.round((1 - Math.min(1, mean / FULL_SCALE)) * (length - 1));
        g.drawLine(x - 2, at, x + BAR + 2, at);
        g.drawString(String.format("%.4f", mean), x + BAR + 3, Math.clamp(at + 4L, top + 20, Math.max(top + 20, top + length - 12)));
    }

    private static float clip(float v) {
        return Math.clamp(v, 0f, 1f);
    }

    private static int rgb(float[] image, int p, int plane) {
        return Math.round(clip(image[p]) * 255) << 16 | Math.round(clip(image[plane + p]) * 255) << 8 | Math.round(clip(image[2 * plane + p]) * 255);
    }

    /** Blue, green, yellow, red at 0, 1/3, 2/3, 1. */
    private static int ramp(double t) {
        double x = Math.clamp(t, 0.0, 1.0) * 3;
        double r = Math.clamp(x - 1, 0.0, 1.0);
        double g = x < 1 ? x : x < 2 ? 1 : 3 - x;
        double b = Math.clamp(1 - x, 0.0, 1.0);
        return (int) Math.round(r * 255) << 16 | (int) Math.round(g * 255) << 8 | (int) Math.round(b * 255);
    }
}
