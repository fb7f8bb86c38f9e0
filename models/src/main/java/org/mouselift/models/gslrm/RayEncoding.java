package org.mouselift.models.gslrm;

/** How camera rays enter the network beside RGB (GS-LRM specification §1.5); o origin, d direction, n nearest point to the world origin. */
public enum RayEncoding {
    /** RGB, d, n: the published model. */
    CUSTOM(6),
    /** RGB, o x d, d, n. */
    AUGMENTED(9),
    /** RGB, o x d, d: plain Plücker coordinates. */
    PLAIN(6);

    private final int rayChannels;

    RayEncoding(int rayChannels) {
        this.rayChannels = rayChannels;
    }

    /** Channels of the network input: RGB and rays. */
    public int channels() {
        return 3 + rayChannels;
    }

    /** The encoding that the two switches of a configuration select; {@code custom} wins. */
    public static RayEncoding of(boolean custom, boolean augmented) {
        return custom ? CUSTOM : augmented ? AUGMENTED : PLAIN;
    }
}
