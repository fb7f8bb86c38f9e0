package org.mouselift.data.preprocess;

/** A sample that a preprocessing method cannot handle: it fails as a whole, views are never dropped one by one. */
public final class PreprocessException extends Exception {
    private static final long serialVersionUID = 1L;
    private final String reason;

    /**
     * @param reason one of the words kept in reports: {@code empty_mask}, {@code no_alpha_channel}, {@code image_not_found},
     *               {@code foreground_share}, {@code geometry}
     */
    public PreprocessException(String reason, String message) {
        super(reason + ": " + message);
        this.reason = reason;
    }

    public String reason() {
        return reason;
    }
}
