package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/** Sample folders for tests: a ring of cameras, and pictures that show one small red ball on white or on nothing. */
final class SyntheticSample {
    static final Vector3D BALL = new Vector3D(0.31, -0.17, 0.22);

    private SyntheticSample() {}

    static CameraRig ring(int views, int size) {
        return Rings.turntable(views, 20, size);
    }

    static Path write(Path folder, CameraRig rig, int channels) throws IOException {
        Files.createDirectories(folder.resolve("images"));
        for (int v = 0; v < rig.size(); v++) {
            PngWriter.write(folder.resolve(String.format("images/cam_%03d.png", v)), picture(rig, v, channels));
        }
        OpencvCameraFile.ofRig(rig).write(folder.resolve(OpencvCameraFile.FILE_NAME));
        return folder;
    }

    static Image picture(CameraRig rig, int view, int channels) {
        int size = rig.get(view).intrinsics().width();
        Projection p = rig.get(view).project(BALL);
        Image8 image = Image8.blank(size, size, channels);
        double radius = size / 12.0;
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                boolean inside = Math.hypot(x + 0.5 - p.u(), y + 0.5 - p.v()) < radius;
                int at = (y * size + x) * channels;
                for (int c = 0; c < 3; c++) {
                    image.data()[at + c] = (byte) (inside ? c == 0 ? 200 : 40 : 255);
                }
                if (channels == 4) {
                    image.data()[at + 3] = (byte) (inside ? 255 : 0);
                }
            }
        }
        return image;
    }
}
