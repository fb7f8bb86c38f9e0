package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.mouselift.data.camera.CameraException;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.prompts.PromptCheck;

/** The cameras of drawn views: those that the UNet was told, else those that were named, else those that the pipeline or its prompts record; never guessed. */
final class SlotCameras {
    private SlotCameras() {}

    /**
     * Finds the cameras and makes all checks of the prompts with them.
     *
     * @param argument of {@code --cameras}; null if it was not given
     * @param folder whose UNet may be told its cameras: then its views stand there and nowhere else
     * @param allowed codes of {@code --allow}; with MFL-E120 allowed, cameras that nobody knows are taken to be human6
     */
    static CameraRig checked(String argument, PipelineFolder folder, PromptCheck check, List<String> allowed, Mouselift mouselift) throws IOException {
        Optional<CameraRig> told = folder.toldCameras();
        if (told.isPresent() && argument != null) {
            throw CommandException.usage("--cameras " + argument + ": the UNet is told its cameras (" + folder.cameraFile().orElseThrow() + "), and its views stand there",
                    "Leave --cameras away; --view-cameras FILE tells it other ones.");
        }
        Optional<CameraRig> rig = told.isPresent() ? told : argument != null ? Optional.of(RigArgument.read(argument)) : recorded(check);
        if (rig.isEmpty() && !check.rig().isEmpty()) {
            throw CommandException.badInput("MFL-E120: the views stand as in the rig '" + check.rig() + "', whose intrinsics are not known here",
                    "Name its camera file with --cameras.");
        }
        (rig.isPresent() ? check.cameras(rig.get()) : check.posedByRecord()).require(Set.copyOf(allowed), mouselift::note);
        return rig.orElseGet(RigCatalog::human6);
    }

    private static Optional<CameraRig> recorded(PromptCheck check) {
        if (check.rig().isEmpty()) {
            return Optional.empty();
        }
        try {
            return Optional.of(RigCatalog.named(check.rig()));
        } catch (CameraException e) {
            // A name that this program does not know: whoever made the record had cameras of his own.
            return Optional.empty();
        }
    }
}
