package org.mouselift.pipeline.cli;

import java.io.PrintWriter;

/** Text of files on a terminal: names and messages come from strangers, and control characters could steer what people see. */
final class Printable {
    private static final int MAX = 400;

    private Printable() {}

    /** Control characters as {@code \\u001b}, line ends and tabs too. */
    static String line(String text) {
        StringBuilder out = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean control = Character.isISOControl(c) || Character.getType(c) == Character.FORMAT || c == '\u2028' || c == '\u2029';
            if (control && out == null) {
                out = new StringBuilder(text.substring(0, i));
            }
            if (out != null) {
                out.append(control ? String.format("\\u%04x", (int) c) : String.valueOf(c));
            }
        }
        return out == null ? text : out.toString();
    }

    /** One line of limited length: the value of a setting. */
    static String value(Object value) {
        String text = line(String.valueOf(value));
        return text.length() <= MAX ? text : text.substring(0, MAX) + "… (" + text.length() + " characters)";
    }

    /** Several lines: control characters but line ends and tabs are written out. */
    static String lines(String text) {
        StringBuilder out = new StringBuilder();
        for (String part : text.split("(?<=[\n\t])")) {
            boolean end = part.endsWith("\n") || part.endsWith("\t");
            String body = end ? part.substring(0, part.length() - 1) : part;
            boolean carriage = body.endsWith("\r") && part.endsWith("\n");
            out.append(line(carriage ? body.substring(0, body.length() - 1) : body)).append(carriage ? "\r" : "").append(end ? part.substring(part.length() - 1) : "");
        }
        return out.toString();
    }

    /** {@code 1 tensor}, {@code 2 tensors}. */
    static String count(long number, String what) {
        return String.format(java.util.Locale.ROOT, "%,d %s%s", number, what, number == 1 ? "" : "s");
    }

    /** A line that is made of a file's text. */
    static void println(PrintWriter out, String text) {
        out.println(line(text));
    }
}
