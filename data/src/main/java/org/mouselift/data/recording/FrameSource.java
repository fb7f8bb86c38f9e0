package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.file.Path;
import org.mouselift.data.image.Image8;

/**
 * The frames of one camera, by exact index in presentation order (mouse specification §2.1). The same index of all cameras is the
 * same instant. A source is used by one thread at a time; reading in ascending order is cheapest.
 */
public interface FrameSource extends AutoCloseable {
    /** The file or folder, for messages. */
    Path place();

    /** One more than the largest frame index. */
    int frames();

    /** The number of the first frame there is: 0, but for folders whose numbering begins elsewhere. */
    default int first() {
        return 0;
    }

    /** Pixels; every frame has this width. */
    int width();

    /** Pixels; every frame has this height. */
    int height();

    /**
     * One frame, 1 to 4 channels.
     *
     * @throws MissingFrameException if the source has no such frame
     */
    Image8 read(int index) throws IOException;

    @Override
    void close() throws IOException;
}
