package org.mouselift.pipeline.report;

import java.awt.Color;
import java.awt.geom.Ellipse2D;
import java.awt.geom.Rectangle2D;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * A chart on a {@link Drawing}: a frame with title, ticks and labels, and marks in data coordinates.
 *
 * @param left   of the whole chart with its labels, pixels
 * @param top    of the whole chart
 * @param x0     data value at the left end of the horizontal axis
 * @param yTop   data value at the upper end of the vertical axis; smaller than {@code yBottom} for pictures, whose rows run down
 */
record Axes(Drawing drawing, double left, double top, double width, double height, double x0, double x1, double yBottom, double yTop) {
    private static final double LEFT = 62;
    private static final double RIGHT = 16;
    private static final double TOP = 34;
    private static final double BOTTOM = 44;
    private static final int TICKS = 6;

    /** Draws frame, ticks and texts. @param xTicks false for categories */
    Axes frame(String title, String xLabel, String yLabel, boolean xTicks) {
        drawing.text(title, left + LEFT + inner() / 2, top + 20, 14, true, Drawing.INK, Drawing.Align.CENTER);
        double xStep = step(x0, x1);
        for (double v : xTicks ? ticks(x0, x1) : List.<Double>of()) {
            drawing.line(x(v), y(yBottom), x(v), y(yTop), Drawing.PALE, 0.7);
            drawing.text(number(v, xStep), x(v), y(yBottom) + 15, 11, false, Drawing.GREY, Drawing.Align.CENTER);
        }
        for (double v : ticks(Math.min(yBottom, yTop), Math.max(yBottom, yTop))) {
            drawing.line(x(x0), y(v), x(x1), y(v), Drawing.PALE, 0.7);
            drawing.text(number(v, step(Math.min(yBottom, yTop), Math.max(yBottom, yTop))), x(x0) - 6, y(v) + 4, 11, false, Drawing.GREY, Drawing.Align.RIGHT);
        }
        drawing.outline(new Rectangle2D.Double(x(x0), y(yTop), inner(), y(yBottom) - y(yTop)), Drawing.GREY, 0.8);
        drawing.text(xLabel, left + LEFT + inner() / 2, top + height - 10, 12, false, Drawing.INK, Drawing.Align.CENTER);
        drawing.text(yLabel, left + 4, top + 20, 12, false, Drawing.INK, Drawing.Align.LEFT);
        return this;
    }

    private double inner() {
        return width - LEFT - RIGHT;
    }

    double x(double v) {
        return left + LEFT + inner() * (v - x0) / (x1 - x0);
    }

    double y(double v) {
        return top + TOP + (height - TOP - BOTTOM) * (v - yTop) / (yBottom - yTop);
    }

    void bar(double from, double to, double value, Color colour) {
        double a = y(value);
        double b = y(Math.min(yBottom, yTop));
        drawing.fill(new Rectangle2D.Double(x(from), Math.min(a, b), x(to) - x(from), Math.abs(b - a)), colour);
    }

    void dot(double u, double v, double radius, Color colour) {
        drawing.fill(new Ellipse2D.Double(x(u) - radius, y(v) - radius, 2 * radius, 2 * radius), colour);
    }

    void level(double v, Color colour, String label) {
        drawing.dashed(x(x0), y(v), x(x1), y(v), colour);
        drawing.text(label, x(x1) - 4, y(v) - 4, 11, false, colour, Drawing.Align.RIGHT);
    }

    void mark(double u, Color colour, String label) {
        drawing.dashed(x(u), y(yBottom), x(u), y(yTop), colour);
        boolean right = u < (x0 + x1) / 2;
        drawing.text(label, x(u) + (right ? 5 : -5), y(yTop) + 14, 11, false, colour, right ? Drawing.Align.LEFT : Drawing.Align.RIGHT);
    }

    private static double step(double from, double to) {
        double rough = (to - from) / TICKS;
        double power = Math.pow(10, Math.floor(Math.log10(rough)));
        return rough / power > 5 ? 10 * power : rough / power > 2 ? 5 * power : rough / power > 1 ? 2 * power : power;
    }

    /** Round values within a range. */
    static List<Double> ticks(double from, double to) {
        double step = step(from, to);
        List<Double> out = new ArrayList<>();
        for (long k = (long) Math.ceil(from / step - 1e-9); k * step <= to + 1e-9 * step; k++) {
            out.add(k * step);
        }
        return out;
    }

    /** As many decimals as the step has. */
    private static String number(double v, double step) {
        int digits = (int) Math.clamp(Math.ceil(-Math.log10(step) - 1e-9), 0, 6);
        return String.format(Locale.ROOT, "%." + digits + "f", v == 0 ? 0 : v);
    }

    /** Blue over green to yellow, for 0 … 1. */
    static Color ramp(double t) {
        double[][] stops = {{68, 1, 84}, {59, 82, 139}, {33, 145, 140}, {94, 201, 98}, {253, 231, 37}};
        double at = Math.clamp(t, 0, 1) * (stops.length - 1);
        int i = Math.min((int) at, stops.length - 2);
        double w = at - i;
        int[] c = new int[3];
        for (int k = 0; k < 3; k++) {
            c[k] = (int) Math.round((1 - w) * stops[i][k] + w * stops[i + 1][k]);
        }
        return new Color(c[0], c[1], c[2]);
    }
}
