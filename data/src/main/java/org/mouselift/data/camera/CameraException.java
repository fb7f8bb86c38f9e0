package org.mouselift.data.camera;

/**
 * A camera, rig or camera operation that makes no sense: what was looked at, what is wrong with it and what to do.
 * The message has the form {@code [code: ]subject problem; remedy}.
 */
public class CameraException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;
    private final String code;
    private final String subject;
    private final String remedy;

    /**
     * @param code    a code of the fail-fast list (for example {@code MFL-E126}), or null where none exists
     * @param subject the field or object, for example {@code camera 3 of rig human6: rotation}
     * @param problem what was found and what was expected
     * @param remedy  how to fix it
     */
    public CameraException(String code, String subject, String problem, String remedy) {
        super((code == null ? "" : code + ": ") + subject + " " + problem + "; " + remedy);
        this.code = code;
        this.subject = subject;
        this.remedy = remedy;
    }

    /** The code of the fail-fast list, or null. */
    public String code() {
        return code;
    }

    public String subject() {
        return subject;
    }

    public String remedy() {
        return remedy;
    }
}
